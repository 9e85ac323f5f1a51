"""Text in the packaged font, the same on every machine, and in others for what that lacks."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from igcli.records import Pixels

Layout = ImageFont.Layout
RIGHT_TO_LEFT = ("R", "AL", "AN")
JOINERS = "\u200c\u200d"
SHAPED = ((0x0590, 0x08FF), (0x0900, 0x109F), (0x1780, 0x17FF), (0x1A20, 0x1AAF), (0xA8E0, 0xABFF))
"""Scripts whose letters change beside others, or stand above and below them."""

_PROBE, _NOTHING = 24, "\uffff"


@lru_cache(maxsize=1)
def packaged() -> bytes:
    """Return the font that comes with igcli."""
    return resources.files(__package__).joinpath("fonts/DejaVuSansCondensed.ttf").read_bytes()


@lru_cache(maxsize=1)
def can_shape() -> bool:
    """Tell whether Pillow has a shaping engine, and what sorts directions for it."""
    return bool(features.check("raqm") and features.check("fribidi"))


@lru_cache(maxsize=64)
def font(data: bytes, size: int, layout: Layout = Layout.BASIC) -> ImageFont.FreeTypeFont:
    """Return a font in `size` pixels high letters.

    Raises:
        OSError: It is none that can be drawn in any size.
    """
    return ImageFont.truetype(BytesIO(data), size, layout_engine=layout)


@lru_cache(maxsize=1 << 14)
def has(data: bytes, character: str) -> bool:
    """Tell whether a font has a glyph for a character."""
    return _glyph(data, character) != _glyph(data, _NOTHING)


def _glyph(data: bytes, character: str) -> bytes:
    mask = font(data, _PROBE).getmask(character)
    return repr(mask.size).encode() + bytes(mask)


def is_shaped(character: str) -> bool:
    """Tell whether a character is of a script that needs a shaping engine."""
    return any(first <= ord(character) <= last for first, last in SHAPED)


@dataclass(frozen=True, slots=True)
class TextRun:
    """Letters that are drawn in one go.

    Attributes:
        text: In the order in which it is read.
        data: The font.
        layout: What places them.
        is_backward: Whether they are written from right to left.
    """

    text: str
    data: bytes = field(repr=False)
    layout: Layout = Layout.BASIC
    is_backward: bool = False

    @property
    def direction(self) -> str | None:
        """As Pillow has it, which asks for none without a shaping engine."""
        if self.layout == Layout.BASIC:
            return None
        return "rtl" if self.is_backward else "ltr"


@dataclass(frozen=True, slots=True)
class Face:
    """Fonts, of which the first that has a letter draws it.

    Attributes:
        fonts: Their files; the packaged one where none are given.
    """

    fonts: tuple[bytes, ...] = ()

    @property
    def all(self) -> tuple[bytes, ...]:
        """The fonts, one at least."""
        return self.fonts or (packaged(),)

    def can_draw(self, character: str) -> bool:
        """Tell whether a character, and no run from right to left, can be drawn as it should."""
        return self._of(character) is not None

    def _of(self, character: str) -> bytes | None:
        if not character.isprintable() or unicodedata.bidirectional(character) in RIGHT_TO_LEFT:
            return None
        for data in self.all:
            if has(data, character):
                # The packaged font draws what it has without an engine, and always has.
                fits = data is packaged() or not is_shaped(character) or can_shape()
                return data if fits else None
        return None

    def of_backward(self, text: str) -> bytes | None:
        """Return the font for a run from right to left, None where none has all of it."""
        if not can_shape():
            return None
        letters = {each for each in text if each not in JOINERS}
        if not all(map(str.isprintable, letters)):
            return None
        return next((each for each in self.all if all(has(each, one) for one in letters)), None)

    def runs(self, text: str) -> Iterator[TextRun]:
        """Yield legible text in runs of one font and direction, from left to right."""
        for piece, is_backward in pieces(text):
            backward = self.of_backward(piece) if is_backward else None
            if backward is not None:
                yield TextRun(piece, backward, Layout.RAQM, is_backward=True)
            else:
                yield from self._forward(piece)

    def _forward(self, text: str) -> Iterator[TextRun]:
        letters, data = "", self.all[0]
        for character in text:
            # What joins letters belongs to those before it, and spaces stay where they are.
            own = data if character in JOINERS or character == " " else self._of(character)
            own = own or self.all[0]
            if own is not data and letters:
                yield _run(letters, data)
                letters = ""
            letters, data = letters + character, own
        if letters:
            yield _run(letters, data)


def _run(text: str, data: bytes) -> TextRun:
    needs = data is not packaged() and can_shape()
    return TextRun(text, data, Layout.RAQM if needs else Layout.BASIC)


def pieces(text: str) -> Iterator[tuple[str, bool]]:
    """Yield text in pieces, each with whether it is written from right to left.

    Such a piece begins and ends with a letter of such a script; spaces, digits and signs between
    two of them are in it, and the engine sorts them.
    """
    start = end = 0
    begun = False
    for place, character in enumerate(text):
        kind = unicodedata.bidirectional(character)
        if kind in RIGHT_TO_LEFT:
            if not begun and start < place:
                yield text[start:place], False
            start = start if begun else place
            begun, end = True, place + 1
        elif begun and kind == "NSM" and end == place:
            end = place + 1
        elif begun and kind == "L":
            yield text[start:end], True
            start, begun = end, False
    if begun:
        yield text[start:end], True
        start = end
    if start < len(text):
        yield text[start:], False


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
