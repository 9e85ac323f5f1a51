"""The agreement of two attributions of one image: pure functions of their channel means."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from igcli.records import Array

TOP = 0.05
"""Fraction of the pixels that count as the most important ones."""

Values = npt.NDArray[np.float64]


def channel_mean(attributions: Array) -> Values:
    """Return the mean over the channels, float64 (H, W), of float32 (H, W, 3)."""
    mean: Values = np.asarray(attributions, np.float64).mean(axis=-1)
    return mean


def rank_correlation(first: Values, second: Values) -> float | None:
    """Return Spearman's rank correlation of two maps, -1...1; equal values share their mean rank.

    Signs count: evidence for the target that becomes evidence against it is the worst possible
    disagreement, and magnitudes would not show it. A flat map has no order: the correlation of
    two flat maps is None, and that of a flat map with any other is 0.

    Source: Spearman 1904; for attributions, Adebayo et al. 2018 (arXiv 1810.03292), section 3.
    """
    ranks = [rankdata(values, axis=None) for values in (first, second)]
    # Not spearmanr, which warns about flat maps and returns NaN.
    centred = [rank - rank.mean() for rank in ranks]
    norms = [math.sqrt(float(rank @ rank)) for rank in centred]
    if not any(norms):
        return None
    if not all(norms):
        return 0.0
    return max(-1.0, min(1.0, float(centred[0] @ centred[1]) / (norms[0] * norms[1])))


def top_overlap(first: Values, second: Values) -> float | None:
    """Return the fraction of the most important pixels that two maps share, 0...1.

    These are the 5% of the pixels with the largest magnitudes; ties at the border are all
    included, zeros never. The fraction is of the larger set; None if both are empty.
    """
    tops = [_top(first), _top(second)]
    size = max(int(top.sum()) for top in tops)
    return float((tops[0] & tops[1]).sum()) / size if size else None


def _top(values: Values) -> npt.NDArray[np.bool_]:
    magnitudes = np.abs(values)
    size = math.ceil(TOP * magnitudes.size)
    border = np.partition(magnitudes, -size, axis=None)[-size]
    is_top: npt.NDArray[np.bool_] = (magnitudes >= border) & (magnitudes > 0)
    return is_top
