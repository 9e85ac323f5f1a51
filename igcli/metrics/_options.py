"""Options of the metrics, and all of them together as `MetricOptions`.

They are separate from the metrics, which import NumPy, because `--help` prints them. A metric with
options has its class here and a field under its name in `MetricOptions`.
"""

from typing import Any, Literal

from pydantic import Field

from igcli.options import Options

Fill = Literal["black", "mean", "blur"]
"""What replaces pixels: black, the image's mean colour, or the blurred image."""


Removal = Literal["baseline", "black", "mean", "blur"]
"""What replaces features: the baseline of the attributions, or what may replace pixels."""

Features = Literal["cells", "pixels", "values"]
"""What is replaced as one: cells of a grid, pixels, or single values of a pixel's channels."""


class AopcOptions(Options):
    """AOPC: replace regions of the image, the most or least attributed first."""

    region_size: int = Field(default=9, ge=1)
    """Side of a region, in pixels."""

    regions: int = Field(default=100, ge=1)
    """Number of regions to replace one after another, or all where there are fewer."""

    fill: Literal["random", "black", "mean", "blur"] = "random"
    """What replaces the pixels: random (uniform values), black, mean (the image's mean colour) or
    blur."""

    repeats: int = Field(default=10, ge=1)
    """Number of random replacements that the scores are averaged over."""


class _CurveOptions(Options):
    """A curve of the score as pixels are replaced, most attributed first."""

    steps: int = Field(default=50, ge=1, le=10_000)
    """Number of equal steps in which all pixels are replaced."""


class DeletionOptions(_CurveOptions):
    """Deletion: replace pixels of the image."""

    fill: Fill = "black"
    """What replaces the pixels: black, mean (the image's mean colour) or blur."""


class InfidelityOptions(Options):
    """Infidelity: perturb the image at random."""

    perturbation: Literal["square", "noisy_baseline", "noise"] = "square"
    """What the image becomes: the image without a square, the baseline with noise, or the image
    with noise."""

    square_size: int = Field(default=32, ge=1)
    """Side of the square, in pixels."""

    fill: Removal = "baseline"
    """What replaces the square: baseline (that of the attributions), black, mean (the image's mean
    colour) or blur."""

    noise: float = Field(default=0.2, gt=0)
    """Standard deviation of the noise, as a fraction of the range 0...255."""

    samples: int = Field(default=200, ge=1)
    """Number of perturbations."""

    multiplied_by_input: bool = True
    """Whether the attributions are gradients times the difference of image and baseline, as they
    are by default; otherwise gradients alone."""

    normalize: bool = False
    """Scale the attributions by the factor that makes the infidelity smallest."""


class InsertionOptions(_CurveOptions):
    """Insertion: put pixels of the image into one without its content."""

    fill: Fill = "blur"
    """What the pixels are put into: black, mean (the image's mean colour) or blur."""


class MassInsideOptions(Options):
    """Mass inside: the share of the attributions that lies on the object."""

    part: Literal["positive", "absolute"] = "positive"
    """What counts of the attributions: positive (negative ones count as 0) or absolute
    (magnitudes)."""


class MaxSensitivityOptions(Options):
    """Max-sensitivity: attribute slightly changed images."""

    radius: float = Field(default=0.02, gt=0)
    """Largest change of a value, as a fraction of the range 0...255."""

    samples: int = Field(default=10, ge=1)
    """Number of changed images."""

    normalize: bool = True
    """Divide by the norm of the attributions of the image itself."""


class _SubsetOptions(Options):
    """Random subsets of the image's features, replaced."""

    grid: int = Field(default=9, ge=2)
    """Number of cells along each side of the image, for features: cells."""

    fill: Removal = "baseline"
    """What replaces the features: baseline (that of the attributions), black, mean (the image's
    mean colour) or blur."""

    correlation: Literal["pearson", "spearman"] = "pearson"
    """Kind of correlation: pearson or spearman (of ranks)."""


class MuFidelityOptions(_SubsetOptions):
    """Mu-fidelity: replace random subsets of one size."""

    features: Features = "cells"
    """What is replaced as one: cells of a grid, pixels, or values of a pixel's channels."""

    share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the features to replace."""

    samples: int = Field(default=200, ge=2)
    """Number of subsets."""


class PointingGameOptions(Options):
    """Pointing game: whether the largest attribution lies on the object."""

    tolerance: float = Field(default=15.0, ge=0, le=10_000)
    """Maximum distance from the object, in pixels of the network's input, that counts as a hit."""


class PicAicOptions(Options):
    """Accuracy information curve: put the most attributed pixels into the blurred image."""

    seen_share: float = Field(default=0.01, ge=0, lt=1)
    """Share of the pixels, drawn at random, that the blurred image is interpolated from."""

    ties: Literal["all", "position"] = "all"
    """Pixels put in: all that reach the quantile, so that equal ones come together, or as many as
    the share says, ties by position."""

    monotonic: bool = True
    """Replace each value by the largest one so far."""


class PicSicOptions(PicAicOptions):
    """Softmax information curve: put the most attributed pixels into the blurred image."""

    min_score: float = Field(default=0.0, ge=0, le=1)
    """Smallest score of an image that is measured; 0.8 in PAIR's implementation."""

    scores: Literal["explained", "softmax"] = "explained"
    """Scores: explained (those of the run), or their softmax where the run explains logits."""


class RoadOptions(Options):
    """ROAD: remove pixels and impute them from their neighbours."""

    measure: Literal["accuracy", "score"] = "accuracy"
    """What is averaged: accuracy (whether the target is still predicted) or the score."""

    noise: float = Field(default=0.01, ge=0)
    """Standard deviation of the noise on imputed values, as a fraction of the range 0...255."""


class SensitivityNOptions(_SubsetOptions):
    """Sensitivity-n: replace random subsets of several sizes."""

    features: Features = "pixels"
    """What is replaced as one: cells of a grid, pixels, or values of a pixel's channels."""

    sizes: int = Field(default=10, ge=1)
    """Number of sizes of subsets, in geometric steps from 1 to the largest."""

    max_share: float = Field(default=0.8, gt=0, lt=1)
    """Share of the features in the largest subsets."""

    samples: int = Field(default=100, ge=2)
    """Number of subsets of each size."""


def _defaults_of(group: type[Options]) -> Any:
    """Return a field whose default is a group's defaults, described by its docstring."""
    return Field(default=group(), description=group.__doc__)


class MetricOptions(Options):
    """Options of every metric."""

    aopc: AopcOptions = _defaults_of(AopcOptions)
    deletion: DeletionOptions = _defaults_of(DeletionOptions)
    infidelity: InfidelityOptions = _defaults_of(InfidelityOptions)
    insertion: InsertionOptions = _defaults_of(InsertionOptions)
    mass_inside: MassInsideOptions = _defaults_of(MassInsideOptions)
    max_sensitivity: MaxSensitivityOptions = _defaults_of(MaxSensitivityOptions)
    mu_fidelity: MuFidelityOptions = _defaults_of(MuFidelityOptions)
    pic_aic: PicAicOptions = _defaults_of(PicAicOptions)
    pic_sic: PicSicOptions = _defaults_of(PicSicOptions)
    pointing_game: PointingGameOptions = _defaults_of(PointingGameOptions)
    road: RoadOptions = _defaults_of(RoadOptions)
    sensitivity_n: SensitivityNOptions = _defaults_of(SensitivityNOptions)
