"""Text in the packaged font, the same on every machine, and in others for what that lacks."""

import unicodedata
from bisect import bisect_right
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from igcli.records import Pixels
from igcli.render.face import JOINERS, Face, can_shape, font, is_shaped, pieces

LONGEST = 600
"""Characters of one text that are shown at most."""

PACKAGED = Face()

_OVERHANG = 4


@lru_cache(maxsize=4096)
def _legible(character: str, face: Face) -> str:
    """Return the character, or its escape where it cannot be drawn as it should."""
    if unicodedata.category(character) == "Zs":
        return " "
    if face.can_draw(character):
        return character
    return character.encode("unicode_escape").decode()


def legible(text: str, face: Face = PACKAGED) -> str:
    r"""Return `text` with everything that cannot be drawn as escapes such as \u4e2d, shortened.

    Escaped are line breaks and other controls, surrogates, characters without a glyph, and scripts
    that need a shaping engine where there is none.
    """
    whole = unicodedata.normalize("NFC", text[: LONGEST + 1])
    parts = []
    for piece, is_backward in pieces(whole):
        plain = "".join(" " if unicodedata.category(each) == "Zs" else each for each in piece)
        if is_backward and face.of_backward(plain) is not None:
            parts.append(plain)
        else:
            parts.append("".join(_shown(piece, place, face) for place in range(len(piece))))
    shown = "".join(parts)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def _shown(text: str, place: int, face: Face) -> str:
    character = text[place]
    if character in JOINERS and can_shape() and 0 < place < len(text) - 1:
        around = text[place - 1], text[place + 1]
        if all(is_shaped(each) and face.can_draw(each) for each in around):
            return character
    return _legible(character, face)


def width(text: str, size: int, face: Face = PACKAGED) -> int:
    """Return the width in pixels of legible `text` in `size` pixels high letters."""
    return int(np.ceil(_length(text, size, face)))


def _length(text: str, size: int, face: Face) -> float:
    return sum(
        font(run.data, size, run.layout).getlength(run.text, direction=run.direction)
        for run in face.runs(text)
    )


def wrap(text: str, *, size: int, room: int, face: Face = PACKAGED) -> tuple[str, ...]:
    """Return legible `text` in lines at most `room` pixels wide, long words broken."""
    lines = []
    rest = legible(text, face).strip()
    while rest and width(rest, size, face) > room:
        lengths = range(1, len(rest) + 1)
        fitting = bisect_right(lengths, room, key=lambda n: width(rest[:n], size, face))
        cut = rest.rfind(" ", 1, fitting + 1)
        if cut < 1:
            cut = max(fitting, 1)
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(lines) if lines and not rest else (*lines, rest)


@lru_cache(maxsize=512)
def _tile(text: str, size: int, face: Face) -> Pixels:
    """Return a line of black text on white, uint8 (h, w), `_OVERHANG` wider on either side."""
    ascent, descent = font(face.all[0], size).getmetrics()
    tile = Image.new("L", (width(text, size, face) + 2 * _OVERHANG, ascent + descent), 255)
    pen, x = ImageDraw.Draw(tile), float(_OVERHANG)
    for run in face.runs(text):
        drawn = font(run.data, size, run.layout)
        pen.text((x, ascent), run.text, font=drawn, fill=0, anchor="ls", direction=run.direction)
        x += drawn.getlength(run.text, direction=run.direction)
    return np.asarray(tile)


def write(canvas: Pixels, text: str, *, x: int, y: int, size: int, face: Face = PACKAGED) -> None:
    """Write legible `text` on `canvas`, uint8 (H, W, 3), its line box starting at (x, y)."""
    tile = _tile(text, size, face)
    left = x - _OVERHANG
    target = canvas[y : y + tile.shape[0], left : left + tile.shape[1]]
    np.minimum(target, tile[: target.shape[0], : target.shape[1], np.newaxis], out=target)
