"""The frames of an animation side by side in one picture, for the page's slider of alpha."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from igcli.errors import ImageError
from igcli.integration.integral import choose_frames
from igcli.records import Pixels
from igcli.render.animation import CAPTION_HEIGHT
from igcli.render.panel import GAP, LINE_HEIGHT, MAX_HEADING_LINES, MIN_TOP

COLUMNS = 8
MAX_SIDE = 512
"""Side in pixels above which frames are made smaller: a sheet has to fit into one picture."""

MAX_PIXELS = 1 << 28
"""Number of pixels of all frames that are decoded at most."""

QUALITY = 60
TOPS = tuple(max(MIN_TOP, LINE_HEIGHT * lines) for lines in range(1, MAX_HEADING_LINES + 1))
"""Distances of the gradients from the top of a frame in pixels, by the lines of the headings."""

DAMAGED = (OSError, ValueError, SyntaxError, EOFError, MemoryError)


@dataclass(frozen=True, slots=True, eq=False)
class FrameSheet:
    """The interior gradients of an image along the path.

    Attributes:
        alphas: Position of each frame on the path, 0...1; empty if they are unknown.
        count: Number of frames.
        columns: Number of frames in a row of the sheet, but for the last row.
        height: Height of a frame in pixels.
        width: Width of a frame.
        data: The sheet as a WebP file.
    """

    alphas: Sequence[float]
    count: int
    columns: int
    height: int
    width: int
    data: bytes


def frame_sheet(
    animation: bytes,
    alphas: npt.NDArray[np.float64],
    *,
    size: tuple[int, int],
    factor: int,
) -> FrameSheet:
    """Return the gradients of an animation, without headings and captions, as a sheet.

    Args:
        animation: The GIF or WebP file that a run wrote.
        alphas: Float64 (P,), the evaluated points of the path.
        size: Height and width of the network's input in pixels.
        factor: How many times the animation magnifies the input.

    Raises:
        ImageError: The file is damaged, or is not an animation of an image of this size.
    """
    whole = _frames(animation)
    height, width = (factor * side for side in size)
    top = whole.shape[1] - height - GAP - CAPTION_HEIGHT
    if top not in TOPS or whole.shape[2] < width:
        raise ImageError("the animation does not show an image of this size alone")
    frames = whole[:, top : top + height : factor, :width:factor]
    height, width = frames.shape[1:3]
    step = -(-max(height, width) // MAX_SIDE)
    frames = frames[:, ::step, ::step]
    count, height, width = frames.shape[:3]
    columns = min(COLUMNS, count)
    missing = -count % columns
    padded = np.concatenate([frames, np.zeros((missing, height, width, 3), np.uint8)])
    grid = padded.reshape(-1, columns, height, width, 3).transpose(0, 2, 1, 3, 4)
    file = BytesIO()
    sheet = Image.fromarray(np.ascontiguousarray(grid.reshape(-1, columns * width, 3)))
    sheet.save(file, "WEBP", quality=QUALITY, method=0)
    chosen = alphas[choose_frames(alphas)]
    known = chosen.tolist() if len(chosen) == count else []
    return FrameSheet(known, count, columns, height, width, file.getvalue())


def _frames(animation: bytes) -> Pixels:
    """Return the frames of an animation, uint8 (F, H, W, 3)."""
    try:
        with Image.open(BytesIO(animation), formats=("GIF", "WEBP")) as file:
            count = getattr(file, "n_frames", 1)
            if file.width * file.height * count > MAX_PIXELS:
                raise ImageError("the animation is too large")
            frames = []
            for number in range(count):
                file.seek(number)
                frames.append(np.asarray(file.convert("RGB")))
    except DAMAGED as error:
        raise ImageError(f"the animation cannot be read: {error}") from error
    return np.stack(frames)
