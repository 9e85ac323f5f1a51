"""Text in the packaged font, the same on every machine.

DejaVu Sans Condensed is the face of the published panels. Its metrics and rendering are used
without a shaping engine, which not every machine has.
"""

import unicodedata
from bisect import bisect_right
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from igcli.records import Pixels

LONGEST = 600
"""Characters of one text that are shown at most."""

_OVERHANG = 4
_RIGHT_TO_LEFT = {"R", "AL", "AN", "RLE", "RLO"}


@lru_cache(maxsize=1)
def _font_file() -> bytes:
    return resources.files(__package__).joinpath("fonts/DejaVuSansCondensed.ttf").read_bytes()


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(BytesIO(_font_file()), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=4096)
def _legible(character: str) -> str:
    """Return the character, or its escape where it cannot be drawn as it should."""
    if unicodedata.category(character) == "Zs":
        return " "
    drawable = (
        character.isprintable()
        and unicodedata.bidirectional(character) not in _RIGHT_TO_LEFT
        and _glyph(character) != _glyph("\uffff")
    )
    return character if drawable else character.encode("unicode_escape").decode()


def _glyph(character: str) -> bytes:
    mask = _font(24).getmask(character)
    return repr(mask.size).encode() + bytes(mask)


def legible(text: str) -> str:
    r"""Return `text` with everything the font cannot draw as escapes such as \u4e2d, shortened.

    Escaped are line breaks and other controls, surrogates, scripts written from right to left
    and characters without a glyph.
    """
    shown = "".join(map(_legible, unicodedata.normalize("NFC", text[: LONGEST + 1])))
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"


def width(text: str, size: int) -> int:
    """Return the width in pixels of legible `text` in `size` pixels high letters."""
    return int(np.ceil(_font(size).getlength(text)))


def wrap(text: str, *, size: int, room: int) -> tuple[str, ...]:
    """Return legible `text` in lines at most `room` pixels wide, long words broken."""
    lines = []
    rest = legible(text).strip()
    while rest and width(rest, size) > room:
        lengths = range(1, len(rest) + 1)
        fitting = bisect_right(lengths, room, key=lambda n: width(rest[:n], size))
        cut = rest.rfind(" ", 1, fitting + 1)
        if cut < 1:
            cut = max(fitting, 1)
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(lines) if lines and not rest else (*lines, rest)


@lru_cache(maxsize=512)
def _tile(text: str, size: int) -> Pixels:
    """Return a line of black text on white, uint8 (h, w), `_OVERHANG` wider on either side."""
    ascent, descent = _font(size).getmetrics()
    tile = Image.new("L", (width(text, size) + 2 * _OVERHANG, ascent + descent), 255)
    ImageDraw.Draw(tile).text((_OVERHANG, 0), text, font=_font(size), fill=0)
    return np.asarray(tile)


def write(canvas: Pixels, text: str, *, x: int, y: int, size: int) -> None:
    """Write legible `text` on `canvas`, uint8 (H, W, 3), its line box starting at (x, y)."""
    tile = _tile(text, size)
    left = x - _OVERHANG
    target = canvas[y : y + tile.shape[0], left : left + tile.shape[1]]
    np.minimum(target, tile[: target.shape[0], : target.shape[1], np.newaxis], out=target)
