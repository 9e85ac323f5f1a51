"""Text on pictures: fonts and their fallbacks, escapes for what cannot be drawn, lines, drawing.

The packaged font looks the same on every machine and draws all that it has; further fonts draw what
it lacks. First come fonts and the runs of one font and direction, then texts: `legible` escapes,
`wrap` breaks into lines, `write` draws.

Source: bidirectional classes of characters are those of Unicode (UAX #9); the main direction of all
text is left to right.
"""

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

MAX_CHARACTERS = 600
"""Length at which a text is cut."""

RIGHT_TO_LEFT = ("R", "AL", "AN")
"""Bidirectional classes of characters written from right to left."""

JOINERS = "\u200c\u200d"
"""Zero-width non-joiner and joiner."""

SHAPED_SCRIPTS = (
    (0x0590, 0x08FF),
    (0x0900, 0x109F),
    (0x1780, 0x17FF),
    (0x1A20, 0x1AAF),
    (0xA8E0, 0xABFF),
)
"""Scripts whose letters change next to others, or stand above and below them."""

_TEST_SIZE, _NO_CHARACTER = 24, "\uffff"
_OVERHANG = 4


@lru_cache(maxsize=1)
def packaged() -> bytes:
    """Return the font that comes with igcli."""
    return resources.files(__package__).joinpath("fonts/DejaVuSansCondensed.ttf").read_bytes()


@lru_cache(maxsize=1)
def can_shape() -> bool:
    """Tell whether Pillow has a shaping engine, and the library that orders directions for it."""
    return bool(features.check("raqm") and features.check("fribidi"))


@lru_cache(maxsize=64)
def font(data: bytes, size: int, layout: Layout = Layout.BASIC) -> ImageFont.FreeTypeFont:
    """Return a font file as a font with letters `size` pixels high.

    Raises:
        OSError: It is not a font, or not a scalable one.
    """
    return ImageFont.truetype(BytesIO(data), size, layout_engine=layout)


@lru_cache(maxsize=1 << 14)
def has_glyph(data: bytes, character: str) -> bool:
    """Tell whether a font has a glyph for a character."""
    return _glyph(data, character) != _glyph(data, _NO_CHARACTER)


def _glyph(data: bytes, character: str) -> bytes:
    mask = font(data, _TEST_SIZE).getmask(character)
    return repr(mask.size).encode() + bytes(mask)


def needs_shaping(character: str) -> bool:
    """Tell whether a character is of a script that needs a shaping engine."""
    return any(first <= ord(character) <= last for first, last in SHAPED_SCRIPTS)


@dataclass(frozen=True, slots=True)
class TextRun:
    """Letters that are drawn together.

    Attributes:
        text: In the order in which it is read.
        data: The font.
        layout: Engine that places them.
        is_backward: Whether they are written from right to left.
    """

    text: str
    data: bytes = field(repr=False)
    layout: Layout = Layout.BASIC
    is_backward: bool = False

    @property
    def direction(self) -> str | None:
        """The direction as Pillow names it, None without a shaping engine."""
        if self.layout == Layout.BASIC:
            return None
        return "rtl" if self.is_backward else "ltr"


@dataclass(frozen=True, slots=True)
class Face:
    """A list of fonts, of which the first that has a letter draws it.

    Attributes:
        fonts: Font files; the packaged font if empty.
    """

    fonts: tuple[bytes, ...] = ()

    @property
    def all(self) -> tuple[bytes, ...]:
        """The fonts, at least one."""
        return self.fonts or (packaged(),)

    def can_draw(self, character: str) -> bool:
        """Tell whether a character that is written from left to right can be drawn correctly."""
        return self._font_for(character) is not None

    def _font_for(self, character: str) -> bytes | None:
        if not character.isprintable() or unicodedata.bidirectional(character) in RIGHT_TO_LEFT:
            return None
        for data in self.all:
            if has_glyph(data, character):
                # The packaged font draws all its letters without an engine, and always has.
                is_correct = data is packaged() or not needs_shaping(character) or can_shape()
                return data if is_correct else None
        return None

    def backward_font(self, text: str) -> bytes | None:
        """Return the font for a run from right to left, None if no font has all of it."""
        if not can_shape():
            return None
        letters = {character for character in text if character not in JOINERS}
        if not all(map(str.isprintable, letters)):
            return None
        complete = (data for data in self.all if all(has_glyph(data, letter) for letter in letters))
        return next(complete, None)

    def runs(self, text: str) -> Iterator[TextRun]:
        """Yield legible text in runs of one font and direction, from left to right."""
        for piece, is_backward in split_by_direction(text):
            data = self.backward_font(piece) if is_backward else None
            if data is not None:
                yield TextRun(piece, data, Layout.RAQM, is_backward=True)
            else:
                yield from self._forward_runs(piece)

    def _forward_runs(self, text: str) -> Iterator[TextRun]:
        letters, data = "", self.all[0]
        for character in text:
            # Joiners belong to the letters before them, and so do spaces.
            stays = character in JOINERS or character == " "
            own = data if stays else self._font_for(character) or self.all[0]
            if own is not data and letters:
                yield _forward_run(letters, data)
                letters = ""
            letters, data = letters + character, own
        if letters:
            yield _forward_run(letters, data)


PACKAGED = Face()
"""The packaged font alone."""


def _forward_run(text: str, data: bytes) -> TextRun:
    is_shaped = data is not packaged() and can_shape()
    return TextRun(text, data, Layout.RAQM if is_shaped else Layout.BASIC)


def split_by_direction(text: str) -> Iterator[tuple[str, bool]]:
    """Yield text in pieces, each with whether it is written from right to left.

    Such a piece starts and ends with a letter of such a script; it includes the spaces, digits and
    signs between them, which the engine orders.
    """
    start = end = 0
    is_backward = False
    for index, character in enumerate(text):
        direction = unicodedata.bidirectional(character)
        if direction in RIGHT_TO_LEFT:
            if not is_backward and start < index:
                yield text[start:index], False
            start = start if is_backward else index
            is_backward, end = True, index + 1
        elif is_backward and direction == "NSM" and end == index:
            end = index + 1
        elif is_backward and direction == "L":
            yield text[start:end], True
            start, is_backward = end, False
    if is_backward:
        yield text[start:end], True
        start = end
    if start < len(text):
        yield text[start:], False


def legible(text: str, face: Face = PACKAGED) -> str:
    r"""Return `text`, at most 600 characters, with escapes such as \u4e2d for what cannot be drawn.

    Escaped are line breaks and other controls, surrogates, characters without a glyph, and scripts
    that need a shaping engine if there is none.
    """
    normalized = unicodedata.normalize("NFC", text[: MAX_CHARACTERS + 1])
    parts = []
    for piece, is_backward in split_by_direction(normalized):
        spaced = "".join(
            " " if unicodedata.category(letter) == "Zs" else letter for letter in piece
        )
        if is_backward and face.backward_font(spaced) is not None:
            parts.append(spaced)
        else:
            parts.append("".join(_legible_at(piece, index, face) for index in range(len(piece))))
    joined = "".join(parts)
    return joined if len(joined) <= MAX_CHARACTERS else joined[: MAX_CHARACTERS - 1] + "…"


def _legible_at(text: str, index: int, face: Face) -> str:
    """Return a character or its escape; a joiner stays between letters that it may join."""
    character = text[index]
    if character in JOINERS and can_shape() and 0 < index < len(text) - 1:
        neighbours = text[index - 1], text[index + 1]
        if all(needs_shaping(letter) and face.can_draw(letter) for letter in neighbours):
            return character
    return _legible(character, face)


@lru_cache(maxsize=4096)
def _legible(character: str, face: Face) -> str:
    """Return the character, or its escape if it cannot be drawn correctly."""
    if unicodedata.category(character) == "Zs":
        return " "
    if face.can_draw(character):
        return character
    return character.encode("unicode_escape").decode()


def width(text: str, size: int, face: Face = PACKAGED) -> int:
    """Return the width in pixels of legible `text` in letters `size` pixels high."""
    lengths = (
        font(run.data, size, run.layout).getlength(run.text, direction=run.direction)
        for run in face.runs(text)
    )
    return int(np.ceil(sum(lengths)))


def wrap(text: str, *, size: int, room: int, face: Face = PACKAGED) -> tuple[str, ...]:
    """Return legible `text` in lines at most `room` pixels wide; long words are broken."""
    lines = []
    rest = legible(text, face).strip()
    while rest and width(rest, size, face) > room:
        lengths = range(1, len(rest) + 1)
        fitting = bisect_right(lengths, room, key=lambda length: width(rest[:length], size, face))
        cut = rest.rfind(" ", 1, fitting + 1)
        if cut < 1:
            cut = max(fitting, 1)
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return tuple(lines) if lines and not rest else (*lines, rest)


def write(canvas: Pixels, text: str, *, x: int, y: int, size: int, face: Face = PACKAGED) -> None:
    """Write legible `text` on `canvas`, uint8 (H, W, 3), its line box starting at (x, y)."""
    tile = _tile(text, size, face)
    left = x - _OVERHANG
    target = canvas[y : y + tile.shape[0], left : left + tile.shape[1]]
    np.minimum(target, tile[: target.shape[0], : target.shape[1], np.newaxis], out=target)


@lru_cache(maxsize=512)
def _tile(text: str, size: int, face: Face) -> Pixels:
    """Return a line of black text on white, uint8 (h, w), `_OVERHANG` wider on either side."""
    ascent, descent = font(face.all[0], size).getmetrics()
    tile = Image.new("L", (width(text, size, face) + 2 * _OVERHANG, ascent + descent), 255)
    pen, x = ImageDraw.Draw(tile), float(_OVERHANG)
    for run in face.runs(text):
        sized = font(run.data, size, run.layout)
        pen.text((x, ascent), run.text, font=sized, fill=0, anchor="ls", direction=run.direction)
        x += sized.getlength(run.text, direction=run.direction)
    return np.asarray(tile)
