"""Metrics on small networks."""

from typing import Any

import numpy as np

from igcli import metrics
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array
from support.networks import Separable


def linear(shape: tuple[int, ...], factors: float | Array = 1.0) -> Separable:
    """Return a network whose score is the sum of all values, each times its factor."""
    return Separable(shape, lambda x: factors * x, lambda x: factors * np.ones_like(x))


def subject_of(image: Array, attributions: Array, **fields: Any) -> Subject:
    """Return a subject with a black baseline, explained by the sum of the image's values."""
    given = {"baseline": np.zeros_like(image), "score": float(image.sum()), **fields}
    return Subject(
        image=image,
        attributions=attributions,
        **{"target": 0, "baseline_score": 0.0, "complete": True, **given},
    )


def measured(name: str, subject: Subject, network: Any = None, **options: Any) -> Measurement:
    """Return what a metric says.

    Args:
        name: Name of the metric.
        subject: What it measures.
        network: Scores the images; by default, by the sum of all values.
        options: Of the metric's group.
    """
    group = name.removesuffix("_lerf")
    given = MetricOptions.model_validate({group: options} if options else {})
    job = metrics.measure(name, subject, given)
    return next(Engine(network or linear(subject.image.shape), batch_size=4).run([job]))
