"""Metrics of attributions: one file each, found by its name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, cast

from igcli import registry
from igcli.metrics._cells import MARK, NONE, Mean, write_means
from igcli.metrics._options import MetricOptions
from igcli.metrics._protocol import Curve, Measurement, Metric, Subject

if TYPE_CHECKING:
    from igcli.integration.requests import Computation

__all__ = [
    "MARK",
    "METRICS",
    "NONE",
    "Curve",
    "Mean",
    "Measurement",
    "Metric",
    "MetricOptions",
    "Subject",
    "load",
    "measure",
    "write_means",
]

METRICS = registry.names(__path__)
"""Names of all metrics."""


def load(name: str) -> Metric:
    """Return the metric called `name`, one of `METRICS`."""
    return cast(Metric, registry.load(__name__, name))


def measure(name: str, subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return what a metric says; it has no value where attributions or scores are not finite."""
    attributions = subject.attributions
    if not math.isfinite(attributions.min()) or not math.isfinite(attributions.max()):
        return Measurement(None, warnings=("undefined: attributions are not finite",))
    found = yield from load(name).measure(subject, options)
    if found.value is None or math.isfinite(found.value):
        return found
    return Measurement(None, warnings=("undefined: a score is not finite",))
