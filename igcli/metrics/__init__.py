"""Metrics of attributions: one file each, found by its name."""

from typing import cast

from igcli import registry
from igcli.metrics._options import MetricOptions
from igcli.metrics._protocol import Curve, Measurement, Metric, Subject

__all__ = ["METRICS", "Curve", "Measurement", "Metric", "MetricOptions", "Subject", "load"]

METRICS = registry.names(__path__)
"""Names of all metrics."""


def load(name: str) -> Metric:
    """Return the metric called `name`, one of `METRICS`."""
    return cast(Metric, registry.load(__name__, name))
