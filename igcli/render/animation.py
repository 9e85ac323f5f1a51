"""Interior gradients as an animation, in the published geometry."""

from collections.abc import Sequence

import numpy as np

from igcli.records import Array, Interior, Pixels
from igcli.render import curve, panel, text
from igcli.render.curve import Curve
from igcli.render.encoders import encode_gif, encode_webp
from igcli.render.magnify import magnified
from igcli.render.options import GifOptions
from igcli.render.panel import Cell, PictureCell
from igcli.render.text import PACKAGED, Face
from igcli.render.visualize import own_scales, paint, shared_scale

HEADING = "Interior gradients GIF"
CAPTION_SIZE = 14
CAPTION_ROOM = 40
LEFT = 10
RIGHT_MARGIN = 76
LEAST_WIDTH = 300

BYTES_PER_PIXEL = 0.56
"""Of the gradients' pictures: 1.43 MB for 51 frames of 224x224, whatever stands beside them."""


def render(
    image: Pixels,
    interior: Interior,
    *,
    options: GifOptions,
    factor: int = 1,
    beside: Sequence[Cell | Curve] = (),
    face: Face = PACKAGED,
) -> bytes:
    """Return the file of the animation; arguments as in `frames`."""
    shown = frames(image, interior, options=options, factor=factor, beside=beside, face=face)
    if options.format == "webp":
        return encode_webp(shown, frame_ms=options.frame_ms, loop=options.loop)
    most = BYTES_PER_PIXEL * interior.maps.size * factor**2
    return encode_gif(shown, frame_ms=options.frame_ms, loop=options.loop, most=most)


def frames(
    image: Pixels,
    interior: Interior,
    *,
    options: GifOptions,
    factor: int = 1,
    beside: Sequence[Cell | Curve] = (),
    face: Face = PACKAGED,
) -> list[Pixels]:
    """Return a frame, uint8 (H * factor + 90, at least 300, 3), for each map.

    Args:
        image: uint8 (H, W, 3).
        interior: Of the F frames.
        options: Style of the frames, each normalised on its own unless they share a scale.
        factor: How many times pictures are magnified; what stands beside them is as it is.
        beside: What stands at the right of the gradients; on a curve, a point moves with alpha.
        face: The fonts of all text.
    """
    height, width = (factor * side for side in image.shape[:2])
    still = [_plot(each, height, width) if isinstance(each, Curve) else each for each in beside]
    first = PictureCell((HEADING,), magnified(image, factor))
    layout = panel.arrange([first, *still], headings="short", face=face)
    scale = _shared(interior.maps, options)
    blank = _padded(layout.draw(), width, is_alone=not beside)
    shown = []
    for values, alpha in zip(interior.maps, interior.alphas, strict=True):
        frame = blank.copy()
        painting = paint(image, values, options, scale=scale)
        _place(frame, magnified(painting.picture, factor), (0, layout.top))
        for each, cell, left in zip(beside, still, layout.lefts[1:], strict=False):
            if isinstance(each, Curve) and isinstance(cell, PictureCell):
                plot = curve.marked(cell.picture, each, float(alpha))
                _place(frame, plot, (left, layout.top))
        caption = f"alpha={round(float(alpha), 4)!r}"
        y = layout.top + height + LEFT
        text.write(frame, caption, x=LEFT, y=y, size=CAPTION_SIZE, face=face)
        shown.append(frame)
    return shown


def _shared(maps: Array, options: GifOptions) -> float | None:
    """Return the scale of all frames, where they are to share one."""
    if options.scale != "shared":
        return None
    return shared_scale(own_scales(values, options) for values in maps)


def _plot(path: Curve, height: int, width: int) -> PictureCell:
    return PictureCell(("Score along the path",), curve.draw(path, height=height, width=width))


def _padded(drawn: Pixels, width: int, *, is_alone: bool) -> Pixels:
    """Return the layout with room for the caption, and the published one at the right."""
    least = max(LEAST_WIDTH, width + RIGHT_MARGIN) if is_alone else LEAST_WIDTH
    missing = max(0, least - drawn.shape[1])
    return np.pad(drawn, ((0, CAPTION_ROOM), (0, missing), (0, 0)), constant_values=255)


def _place(frame: Pixels, picture: Pixels, corner: tuple[int, int]) -> None:
    left, top = corner
    rows, columns = picture.shape[:2]
    frame[top : top + rows, left : left + columns] = picture
