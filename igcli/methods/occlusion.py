"""Fall of the score where a window that slides over the image hides it.

Source: Zeiler and Fergus 2014 (arXiv 1311.2901), section 4.2. As in Captum's `Occlusion`, a pixel
gets the mean over the windows that cover it, and the last windows of a row or column are cut off at
the edge; xplique's adds them up and leaves the remainder at the edge out. The default window and
stride, 15 and 8, are those of Captum's tutorial for images of 224 pixels.
"""

import numpy as np
import numpy.typing as npt

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, predict_target
from igcli.methods import Task, own_options
from igcli.methods._options import OcclusionOptions
from igcli.methods._shared import check_image, explanation_from_scores
from igcli.records import Array, Explanation

HEADING = "Occlusion"
USES_BASELINE = True
INTERIOR = False
REFINABLE = None


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return how much the score falls on average over the windows that hide a pixel.

    Raises:
        ValueError: The input is not an image (H, W, C).
    """
    check_image(task, "occlusion")
    occluded = _Occluded(task, own_options(options, OcclusionOptions))
    scores = yield from predict_target(occluded, task.target)
    falls = occluded.mean_over_windows(scores[0] - scores[1:].astype(np.float64))
    return explanation_from_scores("occlusion", task, falls, predictions=len(occluded))


class _Occluded:
    """The image, then the image with a window hidden, window by window in rows."""

    def __init__(self, task: Task, options: OcclusionOptions) -> None:
        self._image = task.image
        self._hidden = task.baseline
        if options.value is not None:
            self._hidden = np.full_like(task.image, options.value)
        stride = options.stride or (options.size + 1) // 2
        rows, columns = (_spans(side, options.size, stride) for side in task.image.shape[:2])
        self._windows = [(row, column) for row in rows for column in columns]

    def __len__(self) -> int:
        return 1 + len(self._windows)

    def write(self, indices: range, out: Array) -> None:
        """Write the image, for index 0, and the image without window `index` - 1 for others."""
        out[...] = self._image
        for index, occluded in zip(indices, out, strict=True):
            if index:
                window = self._windows[index - 1]
                occluded[window] = self._hidden[window]

    def mean_over_windows(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return each pixel's mean, (H, W), of a value for every window."""
        total, windows = np.zeros((2, *self._image.shape[:2]))
        for window, value in zip(self._windows, values, strict=True):
            total[window] += value
            windows[window] += 1
        mean: npt.NDArray[np.float64] = total / windows
        return mean


def _spans(side: int, size: int, stride: int) -> list[slice]:
    """Return where windows lie along a side; the last one may be cut off."""
    starts = range(0, max(side - size, 0) + stride, stride)
    return [slice(start, min(start + size, side)) for start in starts]
