"""Morphology on maps of 0...1: specks removed, outlines drawn.

SciPy is imported where it is used: it takes longer to import than most panels to draw.
Source: the visualization library published with Integrated Gradients.
"""

import numpy as np
import numpy.typing as npt

from igcli.records import Array

BINARY_FROM = 0.001
AREA_SHARE = 0.9
MOST_COMPONENTS = 3
_NEIGHBOURS = np.ones((3, 3), np.bool_)


def cleaned(values: Array) -> Array:
    """Return `values`, float32 (H, W), after a grey closing and opening by a flat 3x3 square."""
    from scipy import ndimage

    closed = ndimage.grey_closing(values, footprint=_NEIGHBOURS)
    opened: Array = ndimage.grey_opening(closed, footprint=_NEIGHBOURS)
    return opened


def outlined(values: Array) -> Array:
    """Return the borders of the largest filled shapes in `values`, float32 (H, W) of 0 and 1."""
    from scipy import ndimage

    filled = ndimage.binary_fill_holes(values > BINARY_FROM)
    kept = _largest(filled)
    border: Array = (kept & ~ndimage.binary_erosion(kept)).astype(np.float32)
    return border


def _largest(filled: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Keep 8-connected components by area until 90% of it, three at most."""
    from scipy import ndimage

    components, _ = ndimage.label(filled, structure=_NEIGHBOURS)
    areas = np.bincount(components.ravel())[1:]
    by_area = np.argsort(-areas, kind="stable")
    covered = np.cumsum(areas[by_area])
    enough = int(np.searchsorted(covered, AREA_SHARE * areas.sum())) + 1
    kept: npt.NDArray[np.bool_] = np.isin(components, by_area[: min(enough, MOST_COMPONENTS)] + 1)
    return kept
