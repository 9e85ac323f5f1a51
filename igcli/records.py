"""The data that flows from one package to the next, from source files to records of results."""

from dataclasses import dataclass, field
from typing import Literal, Required, TypedDict

import numpy as np
import numpy.typing as npt

from igcli.errors import ImageError
from igcli.urls import shown

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

SMALLEST_DIFFERENCE = 1e-6
"""Score difference below which an error relative to it is meaningless."""

LARGE_ERROR = 0.2
"""Completeness error above which an image gets a warning."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may hold an image.

    Attributes:
        path: The path as given, or as found below a given folder; bytes that are not UTF-8 are
            surrogate escapes.
        name: Name of the image, the relative path mirrored in the output: "cats/a.jpg".
        data: The file's bytes if they have been read already, or the error of reading them.
        label: The true label, if another file states it.
    """

    path: str
    name: str
    data: bytes | ImageError | None = field(default=None, repr=False, compare=False)
    label: str | None = field(default=None, compare=False)

    @property
    def shown(self) -> str:
        """The path as it may be shown and recorded, without secrets."""
        return shown(self.path)


@dataclass(frozen=True, slots=True, eq=False)
class Interior:
    """Interior gradients, for an animation.

    Attributes:
        alphas: Float64 (F,), positions on the path, 0...1.
        maps: Float32 (F, H, W), channel mean of input times gradient at each position.
    """

    alphas: npt.NDArray[np.float64]
    maps: Array


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """The attributions of one input for one target by one method.

    Attributes:
        method: Name of the method.
        target: Index of the explained output.
        baseline: Float32, shape of the input, in pixel space.
        attributions: Float32, shape of the input, in units of the explained score.
        score: Explained score at the input.
        baseline_score: Explained score at the baseline.
        alphas: Float64 (P,), evaluated points of the path in rising order, 0...1.
        scores: Float32 (P,), explained score at these points.
        evaluations: Number of gradients evaluated.
        complete: Whether the method guarantees that the attributions sum to the score difference.
        interior: Gradients along the path, if requested.
        gathered: Float64 (P,), the baseline's score plus the sum of the attributions accumulated
            along the path up to each point; None for methods without a path, or unless requested.
        takes_max: Whether pictures show the largest value over the channels, not their mean.
        above_minimum: Whether pictures show how far values lie above the smallest one.
        is_target_given: Whether the user chose the target; otherwise it is the top label.
        pixels: Number of pixels whose scores are added up, for networks that classify pixels.
        predictions: Number of inputs that were scored without gradients, apart from the input
            itself and the baseline.
        warnings: One line each, for the record.
    """

    method: str
    target: int
    baseline: Array
    attributions: Array
    score: float
    baseline_score: float
    alphas: npt.NDArray[np.float64]
    scores: Array
    evaluations: int
    complete: bool
    interior: Interior | None = None
    gathered: npt.NDArray[np.float64] | None = None
    takes_max: bool = False
    above_minimum: bool = False
    is_target_given: bool = False
    pixels: int | None = None
    predictions: int = 0
    warnings: tuple[str, ...] = field(default=())

    @property
    def displayed(self) -> Array:
        """The values that pictures show, (H, W, C), or (H, W) if they are maxima."""
        values: Array = self.attributions.max(-1) if self.takes_max else self.attributions
        return values - values.min() if self.above_minimum else values

    @property
    def attribution_sum(self) -> float:
        """Sum of all attributions, in double precision."""
        return float(self.attributions.sum(dtype=np.float64))

    @property
    def completeness_error(self) -> float | None:
        """Relative gap between the attributions' sum and the score difference.

        None if the method does not guarantee completeness, or the difference is below 1e-6.
        Source: Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), proposition 1.
        """
        difference = self.score - self.baseline_score
        if not self.complete or abs(difference) < SMALLEST_DIFFERENCE:
            return None
        return abs(self.attribution_sum - difference) / abs(difference)


FileKind = Literal["panel", "gif", "arrays"]
"""The files that an image can have."""


class Scores(TypedDict, total=False):
    """The figures of one method and one target in a record.

    Attributes:
        target: Index of the explained output.
        label: Its name.
        pixels: Number of pixels whose scores are added up, for networks that classify pixels.
        score: Explained score at the image; this and the following are null where not finite.
        baseline_score: Explained score at the baseline.
        attribution_sum: Sum of all attributions.
        completeness_error: See `Explanation.completeness_error`.
    """

    target: int
    label: str
    pixels: int
    score: float | None
    baseline_score: float | None
    attribution_sum: float | None
    completeness_error: float | None


class Entry(Scores, total=False):
    """A further method or target of an image, an item of `others` in its record.

    Attributes:
        method: Name of the method.
    """

    method: str


class Record(Scores, total=False):
    """What is recorded of one image: a line of results.jsonl.

    A failed image has `image`, `source`, `status` and `error`, and `image_sha256` where its bytes
    could be read. The figures are those of the main method and the first target.

    Records read from disk may have been written by anybody: `igcli.outputs.journal.parse` ensures
    `image` alone, so readers that show or add up other fields check their types.

    Attributes:
        image: Name of the image, its path mirrored in the output.
        source: Its path as it was given.
        status: Whether there is a result.
        error: Why there is none.
        image_sha256: Hash of the image's bytes.
        model_sha256: Hash of the network.
        config_sha256: Hash of the settings that change results.
        revision: Version of the algorithms that made the result.
        precision: Arithmetic of the network.
        gradient_evaluations: Number of gradients, of all methods and targets.
        seconds: Duration of the image's work.
        panel: Path of the panel relative to the output; null where none was written, as below.
        gif: Path of the animation.
        arrays: Path of the arrays.
        warnings: One line each.
        profile: Name of the image's colour profile where it is not sRGB.
        panel_scales: Scale that panels share, by method.
        others: Further methods and targets.
        tar: Name of the tar archive that the image is a member of.
    """

    image: Required[str]
    source: str
    status: Literal["ok", "failed"]
    error: str
    image_sha256: str
    model_sha256: str
    config_sha256: str
    revision: int
    precision: str
    gradient_evaluations: int
    seconds: float
    panel: str | None
    gif: str | None
    arrays: str | None
    warnings: list[str]
    profile: str
    panel_scales: dict[str, float]
    others: list[Entry]
    tar: str
