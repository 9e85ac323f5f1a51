"""The interface of a metric: a module with a few constants and `measure`, which takes a `Subject`.

Importing it does not import NumPy: `--help` prints the names of metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from igcli.integration.requests import Computation
    from igcli.metrics._options import MetricOptions
    from igcli.records import Array


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The attributions of one image, to be measured.

    Attributes:
        image: Float32 (H, W, C), as the network saw it, in pixel space.
        baseline: Float32 (H, W, C), the baseline of the attributions.
        attributions: Float32 (H, W, C), in units of the explained score.
        target: Index of the explained score.
        score: The explained score at the image.
        baseline_score: The explained score at the baseline.
        complete: Whether the attributions are meant to sum to the difference of these scores.
        seed: The run's seed, for metrics that draw random numbers.
        mask: Bool (H, W), true on the object; None without masks.
        attribute: Returns the attributions of another image for the same target, by the same
            method; None if they cannot be computed again.
        replacements: What pixels of the image are replaced by, as far as metrics have computed it;
            all subjects of an image share it.
        order: The positions of its pixels, most attributed first, once a metric has sorted them.
    """

    image: Array
    baseline: Array
    attributions: Array
    target: int
    score: float
    baseline_score: float
    complete: bool
    seed: int = 0
    mask: npt.NDArray[np.bool_] | None = None
    attribute: Callable[[Array], Computation[Array]] | None = None
    replacements: dict[str, Array] = field(default_factory=dict)
    order: list[npt.NDArray[np.intp]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Scores against the share of pixels, for a plot.

    Attributes:
        shares: Float64 (P,), 0...1, rising.
        scores: Float64 (P,).
    """

    shares: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What a metric says of one image's attributions.

    Attributes:
        value: The metric; None where it is undefined.
        curve: What it summarizes, if that is a curve.
        warnings: One line each, without the metric's name, such as why the value is undefined:
            "undefined: all attributions are zero".
    """

    value: float | None
    curve: Curve | None = None
    warnings: tuple[str, ...] = ()


class Metric(Protocol):
    """A module in `igcli.metrics`; its file name is the metric's name.

    Attributes:
        HEADING: Heading of its column: "Deletion".
        HIGHER_IS_BETTER: Whether larger values mean better attributions; None if neither.
        NEEDS_MASK: Whether it needs the mask of an object.
        NEEDS_NETWORK: Whether it asks the network for scores or attributions.
        COMPARES_SCALES: Whether it needs attributions in units of the score. Those of controls
            have no units, so such a metric does not apply to them.
    """

    HEADING: str
    HIGHER_IS_BETTER: bool | None
    NEEDS_MASK: bool
    NEEDS_NETWORK: bool
    COMPARES_SCALES: bool

    def measure(self, subject: Subject, options: MetricOptions) -> Computation[Measurement]:
        """Request scores of changed images, or none, and return the measurement."""
        ...
