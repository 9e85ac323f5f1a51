"""Interior gradients as an animation, in the published geometry."""

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Pixels
from igcli.render import text
from igcli.render.options import GifOptions
from igcli.render.painting import paint

MOST_FRAMES = 51
HEADING = "Interior gradients GIF"
HEADING_SIZE = 18
CAPTION_SIZE = 14
LEFT = 10
TOP = 40
RIGHT_MARGIN = 76
BOTTOM_MARGIN = 50
LEAST_WIDTH = 300


def frames(
    image: Pixels, interior: Array, alphas: npt.NDArray[np.float64], *, options: GifOptions
) -> list[Pixels]:
    """Return at most 51 frames, uint8 (H, W, 3) each, in the order of alpha.

    Args:
        image: uint8 (H, W, 3).
        interior: float32 (P, H, W), channel mean of the interior gradients at every point.
        alphas: float64 (P,), the points, rising, 0...1.
        options: Style of the frames, each normalised on its own.
    """
    blank = _blank(image)
    return [
        _frame(blank, paint(image, interior[point], options).picture, float(alphas[point]))
        for point in chosen(alphas)
    ]


def chosen(alphas: npt.NDArray[np.float64]) -> list[int]:
    """Return the indices of at most 51 points of `alphas` nearest to even spacing."""
    if len(alphas) <= MOST_FRAMES:
        return list(range(len(alphas)))
    even = np.linspace(0, 1, MOST_FRAMES)
    nearest = np.abs(alphas[np.newaxis] - even[:, np.newaxis]).argmin(axis=1)
    return [int(point) for point in np.unique(nearest)]


def _blank(image: Pixels) -> Pixels:
    rows, columns = image.shape[:2]
    width = max(LEAST_WIDTH, columns + RIGHT_MARGIN)
    blank = np.full((TOP + rows + BOTTOM_MARGIN, width, 3), 255, np.uint8)
    text.write(blank, HEADING, x=LEFT, y=0, size=HEADING_SIZE)
    return blank


def _frame(blank: Pixels, picture: Pixels, alpha: float) -> Pixels:
    frame = blank.copy()
    rows, columns = picture.shape[:2]
    frame[TOP : TOP + rows, :columns] = picture
    caption = f"alpha={round(alpha, 4)!r}"
    text.write(frame, caption, x=LEFT, y=TOP + rows + LEFT, size=CAPTION_SIZE)
    return frame
