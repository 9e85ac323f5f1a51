"""What an evaluation computes. Importing this does not import NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from igcli.metrics import METRICS, MetricOptions, load

if TYPE_CHECKING:
    from igcli.evaluate.lines import Line

DEFAULT_METRICS = ("deletion", "insertion", "completeness", "sparseness")

DEFAULT_OPTIONS = MetricOptions()


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What an evaluation computes.

    Attributes:
        metrics: Names of the metrics.
        metric_options: Their options.
        controls: Whether to evaluate the controls beside the methods.
        masks: Folder of the masks of objects; None without.
        minima: Least allowed mean of a method, by metric.
        maxima: Greatest allowed mean of a method, by metric.
    """

    metrics: tuple[str, ...] = DEFAULT_METRICS
    metric_options: MetricOptions = DEFAULT_OPTIONS
    controls: bool = True
    masks: str | None = None
    minima: Mapping[str, float] = field(default_factory=dict)
    maxima: Mapping[str, float] = field(default_factory=dict)

    def of_metric(self, name: str) -> dict[str, object]:
        """Return the options of a metric, as records state them.

        A metric that takes the least attributed pixels first has those of its counterpart.
        """
        own = getattr(self.metric_options, name.removesuffix("_lerf"), None)
        return {} if own is None else own.model_dump(mode="json")

    def is_current(self, line: "Line", name: str) -> bool:
        """Return whether a line has a metric, with these options."""
        return name in line.metrics and line.options.get(name, {}) == self.of_metric(name)


def metrics_with_masks() -> tuple[str, ...]:
    """Return the names of the metrics that need masks."""
    return tuple(name for name in METRICS if load(name).NEEDS_MASK)
