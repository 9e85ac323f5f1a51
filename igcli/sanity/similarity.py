"""How similar two attributions of one image are: pure functions of their channel means."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from igcli.compare.agreement import Values, rank_correlation

SIGMA, RADIUS = 1.5, 5
"""Standard deviation of the Gaussian window in pixels, and pixels on each side of its centre."""

K1, K2 = 0.01, 0.03
"""Constants that keep quotients of small numbers stable."""

OUTLIERS = 99.0
"""Percentile of the magnitudes that is drawn white, and so are larger ones."""

Map = Values | npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Similarity:
    """How similar two attributions are; each is None if one of the two is flat.

    Attributes:
        rank_correlation: Spearman's rank correlation of the values with their signs, -1...1.
        absolute_rank_correlation: That of the magnitudes, which the shape of the image shared by
            both raises.
        ssim: Structural similarity of the magnitudes, at most 1.
    """

    rank_correlation: float | None
    absolute_rank_correlation: float | None
    ssim: float | None

    @property
    def is_defined(self) -> bool:
        """Whether neither of the two is flat."""
        return self.rank_correlation is not None

    def record(self) -> dict[str, float | None]:
        """Return the values for JSON."""
        return {
            "rank_correlation": self.rank_correlation,
            "absolute_rank_correlation": self.absolute_rank_correlation,
            "ssim": self.ssim,
        }


UNDEFINED = Similarity(None, None, None)


def similarity(first: Map, second: Map) -> Similarity:
    """Compare two maps (H, W), channel means of attributions.

    Source: Adebayo et al. 2018 (arXiv 1810.03292), section 3 and figures 3 and 4.
    """
    maps = [np.asarray(values, np.float64) for values in (first, second)]
    if any(np.ptp(values) == 0 for values in maps):
        return UNDEFINED
    magnitudes = [np.abs(values) for values in maps]
    if any(np.ptp(values) == 0 for values in magnitudes):  # Two values of opposite signs.
        return Similarity(rank_correlation(*maps), None, None)
    return Similarity(
        rank_correlation(*maps), rank_correlation(*magnitudes), ssim(*map(as_grey, magnitudes))
    )


def mean_similarity(similarities: Sequence[Similarity]) -> Similarity:
    """Return the means of the values that are defined."""
    return Similarity(
        _mean([one.rank_correlation for one in similarities]),
        _mean([one.absolute_rank_correlation for one in similarities]),
        _mean([one.ssim for one in similarities]),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return fmean(defined) if defined else None


def as_grey(magnitudes: Values) -> Values:
    """Scale magnitudes to a grey image 0...1: the 99th percentile and above are white.

    Without that, the few largest attributions decide how grey all others are.

    Source: `VisualizeImageGrayscale` of PAIR saliency, with which Adebayo et al. 2018 draw maps.
    """
    low, high = magnitudes.min(), np.percentile(magnitudes, OUTLIERS)
    if high <= low:  # Fewer than 1% stand out.
        high = magnitudes.max()
    grey: Values = np.clip((magnitudes - low) / (high - low), 0, 1)
    return grey


def ssim(first: Values, second: Values) -> float:
    """Return the structural similarity of two grey images (H, W), 0...1.

    The mean over all windows that lie inside the image, or over all pixels of images smaller than
    a window, whose borders are reflected.

    Source: Wang, Bovik, Sheikh and Simoncelli 2004, equation 13, with their Gaussian window of
    11x11 pixels and their constants.
    """
    means = [_windowed(values) for values in (first, second)]
    variances = [
        _windowed(values * values) - mean * mean
        for values, mean in zip((first, second), means, strict=True)
    ]
    covariance = _windowed(first * second) - means[0] * means[1]
    luminance = (2 * means[0] * means[1] + K1**2) / (means[0] ** 2 + means[1] ** 2 + K1**2)
    structure = (2 * covariance + K2**2) / (variances[0] + variances[1] + K2**2)
    quality = luminance * structure
    if min(quality.shape) > 2 * RADIUS:
        quality = quality[RADIUS:-RADIUS, RADIUS:-RADIUS]
    return float(quality.mean())


def _windowed(values: Values) -> Values:
    mean: Values = gaussian_filter(values, SIGMA, radius=RADIUS)
    return mean
