"""How far two attributions of one image agree: pure functions of their channel means."""

import math

import numpy as np
import numpy.typing as npt

from igcli.records import Array

TOP = 0.05
"""Share of the pixels that count as the most important ones."""

Values = npt.NDArray[np.float64]


def channel_mean(attributions: Array) -> Values:
    """Return the mean over the channels, float64 (H, W), of float32 (H, W, 3)."""
    mean: Values = np.asarray(attributions, np.float64).mean(axis=-1)
    return mean


def rank_correlation(first: Values, second: Values) -> float | None:
    """Return Spearman's rank correlation of two maps, -1...1; equal values share their mean rank.

    Signs count: evidence for the target that turns into evidence against it is the gravest
    disagreement there is, and would not be seen in magnitudes. A flat map has no order: beside
    another flat one the correlation is None, beside any other 0.

    Source: Spearman 1904; for attributions, Adebayo et al. 2018 (arXiv 1810.03292), section 3.
    """
    ranks = [_ranks(first), _ranks(second)]
    centred = [each - each.mean() for each in ranks]
    norms = [math.sqrt(float(each @ each)) for each in centred]
    if not any(norms):
        return None
    if not all(norms):
        return 0.0
    return max(-1.0, min(1.0, float(centred[0] @ centred[1]) / (norms[0] * norms[1])))


def top_overlap(first: Values, second: Values) -> float | None:
    """Return which share of the most important pixels of two maps is common to both, 0...1.

    These are the 5% of the pixels with the largest magnitudes, equal ones at the border all
    included and zeros never; the share is that of the larger set. None where both are empty.
    """
    tops = [_top(first), _top(second)]
    most = max(int(top.sum()) for top in tops)
    return float((tops[0] & tops[1]).sum()) / most if most else None


def _ranks(values: Values) -> Values:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    mean_ranks: Values = last - (counts - 1) / 2
    return mean_ranks[place.ravel()]


def _top(values: Values) -> npt.NDArray[np.bool_]:
    magnitudes = np.abs(values)
    size = math.ceil(TOP * magnitudes.size)
    border = np.partition(magnitudes, -size, axis=None)[-size]
    found: npt.NDArray[np.bool_] = (magnitudes >= border) & (magnitudes > 0)
    return found
