"""Animations of interior gradients, in the published geometry: frames, and the encoded file.

Source: the published animations of interior gradients (Sundararajan, Taly and Yan 2016, arXiv
1611.02639, "Gradients of counterfactuals").
"""

from collections.abc import Iterator, Sequence

import numpy as np

from igcli.records import Array, Interior, Pixels
from igcli.render import curve, panel, text
from igcli.render.curve import Curve
from igcli.render.encoders import encode_gif, encode_webp
from igcli.render.options import GifOptions
from igcli.render.panel import Cell, PictureCell
from igcli.render.style_common import in_planes
from igcli.render.text import PACKAGED, Face
from igcli.render.visualize import magnified, own_scales, paint, shared_scale

HEADING = "Interior gradients GIF"
CAPTION_SIZE = 14
CAPTION_HEIGHT = 40
MARGIN = 10
RIGHT_MARGIN = 76
MIN_WIDTH = 300

BYTES_PER_PIXEL = 0.56
"""Maximum size of a GIF, for each pixel of the gradients' pictures, whatever stands beside them:
1.43 MB for 51 frames of 224x224."""


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
    pictures = frames(image, interior, options=options, factor=factor, beside=beside, face=face)
    if options.format == "webp":
        return encode_webp(pictures, frame_ms=options.frame_ms, loop=options.loop)
    max_bytes = BYTES_PER_PIXEL * interior.maps.size * factor**2
    return encode_gif(pictures, frame_ms=options.frame_ms, loop=options.loop, max_bytes=max_bytes)


def frames(
    image: Pixels,
    interior: Interior,
    *,
    options: GifOptions,
    factor: int = 1,
    beside: Sequence[Cell | Curve] = (),
    face: Face = PACKAGED,
) -> Iterator[Pixels]:
    """Yield a frame, uint8 (H * factor + 90, at least 300, 3), for each map.

    Args:
        image: uint8 (H, W, 3).
        interior: Interior gradients of the F frames.
        options: Style of the frames, each normalised on its own unless they share a scale.
        factor: How many times pictures are magnified; what stands beside them is not.
        beside: Cells to the right of the gradients; on a curve, a point moves with alpha.
        face: The fonts of all text.
    """
    height, width = (factor * side for side in image.shape[:2])
    cells = [
        panel.path_cell(cell, height=height, width=width) if isinstance(cell, Curve) else cell
        for cell in beside
    ]
    first = PictureCell((HEADING,), magnified(image, factor))
    layout = panel.arrange([first, *cells], headings="short", face=face)
    scale = _shared_scale(interior.maps, options)
    blank = in_planes(_padded(layout.draw(), width, is_alone=not beside))
    image = in_planes(image)
    for values, alpha in zip(interior.maps, interior.alphas, strict=True):
        frame = blank.copy(order="K")
        painting = paint(image, values, options, scale=scale)
        _paste(frame, magnified(painting.picture, factor), (0, layout.top))
        for path, cell, left in zip(beside, cells, layout.lefts[1:], strict=False):
            if isinstance(path, Curve) and isinstance(cell, PictureCell):
                plot = curve.marked(cell.picture, path, float(alpha))
                _paste(frame, plot, (left, layout.top))
        caption = f"alpha={round(float(alpha), 4)!r}"
        y = layout.top + height + MARGIN
        text.write(frame, caption, x=MARGIN, y=y, size=CAPTION_SIZE, face=face)
        yield frame


def _shared_scale(maps: Array, options: GifOptions) -> float | None:
    """Return the scale of all frames, None if each has its own."""
    if options.scale != "shared":
        return None
    return shared_scale(own_scales(values, options) for values in maps)


def _padded(drawn: Pixels, width: int, *, is_alone: bool) -> Pixels:
    """Return the layout with room for the caption below and, as published, on the right."""
    min_width = max(MIN_WIDTH, width + RIGHT_MARGIN) if is_alone else MIN_WIDTH
    missing = max(0, min_width - drawn.shape[1])
    return np.pad(drawn, ((0, CAPTION_HEIGHT), (0, missing), (0, 0)), constant_values=255)


def _paste(frame: Pixels, picture: Pixels, corner: tuple[int, int]) -> None:
    left, top = corner
    height, width = picture.shape[:2]
    frame[top : top + height, left : left + width] = picture
