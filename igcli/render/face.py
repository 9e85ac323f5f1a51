"""The fonts that text is drawn in, letter by letter, and how letters of other scripts are joined.

DejaVu Sans Condensed is the face of the published panels and comes with igcli: its metrics and
rendering are used without a shaping engine, so that its letters look the same on every machine.
What it lacks may come from further fonts; these, and scripts that are written from right to left,
are drawn by the shaping engine where Pillow has one.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from io import BytesIO

from PIL import ImageFont, features

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
