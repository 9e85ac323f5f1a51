"""Mean score of the image under random masks that keep a pixel.

Source: Petsiuk, Das and Saenko 2018 (arXiv 1806.07421), equation 6, with masks as in section 3.2
and cells rounded up as in the authors' code, so that they always cover the image. xplique's `Rise`
divides by the sum of the masks in place of its expectation. Every pixel gets about the mean score
or more; pictures therefore show what is above the smallest value, as the authors' do.
"""

from dataclasses import replace
from math import ceil

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from igcli.integration import bilinear
from igcli.integration.options import PathOptions
from igcli.integration.randomness import generator
from igcli.integration.requests import Computation, predict_target
from igcli.methods import Task, own_options
from igcli.methods._options import RiseOptions
from igcli.methods._shared import check_image, explanation_from_scores
from igcli.records import Array, Explanation

HEADING = "RISE"
USES_BASELINE = True
INTERIOR = False
REFINABLE = None
ABOVE_MINIMUM = True

SUMMED_MASKS = 256
"""Masks that are added up at a time, in little memory."""

Double = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the sum of score times mask over random masks, over its expectation for a score of 1.

    Masked pixels are those of the baseline, which is black in the paper.

    Raises:
        ValueError: The input is not an image (H, W, C).
    """
    check_image(task, "rise")
    own = own_options(options, RiseOptions)
    masked = _Masked(task, own, options.seed)
    scores = yield from predict_target(masked, task.target)
    means = masked.weighted_sum(scores.astype(np.float64)) / (own.probability * own.masks)
    explanation = explanation_from_scores("rise", task, means, predictions=own.masks)
    return replace(explanation, above_minimum=ABOVE_MINIMUM)


class _Masked:
    """The image under each of the masks, which are made from small grids of zeros and ones."""

    def __init__(self, task: Task, options: RiseOptions, seed: int) -> None:
        height, width, channels = task.image.shape
        cells = options.cells
        self._change = (task.image - task.baseline).reshape(height, -1)
        self._baseline = task.baseline.reshape(height, -1)
        random = generator(seed, task.image, "rise")
        size = (options.masks, cells, cells)
        self._grids = random.random(size, np.float32) < options.probability
        shifts = generator(seed, task.image, "rise shifts")
        sides = [ceil(height / cells), ceil(width / cells)]
        self._shifts = shifts.integers(0, sides, (options.masks, 2))
        # Every cut of an enlarged grid, by its shift: (shifts, cells, side of the image).
        rows, columns = (bilinear.weights(cells, (cells + 1) * side) for side in sides)
        self._rows = sliding_window_view(rows, height, axis=0)
        self._columns = sliding_window_view(columns, width, axis=0)
        self._across = np.repeat(columns.T, channels, axis=1).astype(np.float32)
        self._cell, beyond = bilinear.samples(cells, (cells + 1) * sides[0])
        self._beyond = beyond.astype(np.float32)[:, np.newaxis]

    def __len__(self) -> int:
        return len(self._grids)

    def write(self, indices: range, out: Array) -> None:
        """Write the image under masks, and the baseline where a mask is zero."""
        for index, masked in zip(indices, out, strict=True):
            self._write_one(index, masked)

    def _write_one(self, index: int, out: Array) -> None:
        height, width, channels = out.shape
        down, first = self._shifts[index] * (1, channels)
        rows = slice(down, down + height)
        at_cells = self._grids[index] @ self._across[:, first : first + width * channels]
        # No product of large matrices: beside a network that keeps all cores busy, its threads wait
        # for each other.
        cell, flat = self._cell[rows], out.reshape(height, -1)
        to_next = np.diff(at_cells, axis=0, append=at_cells[-1:])
        np.multiply(to_next[cell], self._beyond[rows], out=flat)
        flat += at_cells[cell]
        flat *= self._change
        flat += self._baseline

    def weighted_sum(self, weights: Double) -> Double:
        """Return the sum of the masks, (H, W), times a weight each."""
        total = np.zeros((self._rows.shape[2], self._columns.shape[2]))
        for first in range(0, len(weights), SUMMED_MASKS):
            chunk = slice(first, first + SUMMED_MASKS)
            down, across = self._shifts[chunk].T
            grids = self._grids[chunk] * weights[chunk, None, None]
            # Sum over masks and columns of cells in one product of two matrices.
            rows = np.matmul(grids.transpose(0, 2, 1), self._rows[down])
            columns = self._columns[across]
            total += np.tensordot(rows, columns, ((0, 1), (0, 1)))
        return total
