"""Interior gradients as an animation, in the published geometry."""

import numpy as np
import numpy.typing as npt

from igcli.records import Array, Pixels
from igcli.render import text
from igcli.render.animation import encode_gif
from igcli.render.options import GifOptions
from igcli.render.painting import paint

__all__ = ["encode_gif", "frames"]

HEADING = "Interior gradients GIF"
HEADING_SIZE = 18
CAPTION_SIZE = 14
LEFT = 10
TOP = 40
RIGHT_MARGIN = 76
BOTTOM_MARGIN = 50
LEAST_WIDTH = 300


def frames(
    image: Pixels, maps: Array, alphas: npt.NDArray[np.float64], *, options: GifOptions
) -> list[Pixels]:
    """Return a frame, uint8 (H + 90, at least 300, 3), for each map.

    Args:
        image: uint8 (H, W, 3).
        maps: float32 (F, H, W), channel mean of the interior gradients.
        alphas: float64 (F,), where on the path they were taken, 0...1.
        options: Style of the frames, each normalised on its own.
    """
    blank = _blank(image)
    return [
        _frame(blank, paint(image, interior, options).picture, float(alpha))
        for interior, alpha in zip(maps, alphas, strict=True)
    ]


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
