"""Bilinear resizing as matrices, with samples at the centres of pixels and the edges continued.

Source: `tf.image.resize` and `torch.nn.functional.interpolate`, which do so by default.
"""

import numpy as np
import numpy.typing as npt


def samples(size: int, new_size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return where each new sample lies: after which old sample (S,), and how far beyond it (S,).

    Distances are fractions, 0 at the last old sample.
    """
    positions = (np.arange(new_size) + 0.5) * size / new_size - 0.5
    positions = np.clip(positions, 0, size - 1)
    before = positions.astype(np.intp)
    return before, positions - before


def weights(size: int, new_size: int) -> npt.NDArray[np.float64]:
    """Return the weight of each old sample in each new one, float64 (new_size, size)."""
    before, beyond = samples(size, new_size)
    distances = np.abs((before + beyond)[:, None] - np.arange(size))
    result: npt.NDArray[np.float64] = np.maximum(1 - distances, 0)
    return result
