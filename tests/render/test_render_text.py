"""Text is legible on every machine, whatever a label holds."""

import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from igcli.render import text
from igcli.render.text import Face
from support.fonts import box_font


@pytest.mark.parametrize(
    "label",
    ["cash machine", "naïve café Ærøskøbing Łódź", "αβγ Ωμέγα", "Жук ёлка Їжак", "½ 3 µm — “ok”"],
)
def test_latin_greek_and_cyrillic_stay(label: str) -> None:
    assert text.legible(label) == label


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x00\x1b[31m", r"\x00\x1b[31m"),
        ("中文", r"\u4e2d\u6587"),
        ("caf\udce9", r"caf\udce9"),
        ("\U0001f9ff", r"\U0001f9ff"),
        ("\u202eevil", r"\u202eevil"),
        ("e\u0301te\u0301", "été"),
        ("no\u00a0break", "no break"),
        ("\u200b", r"\u200b"),
        ("\uffff\ue000", r"\uffff\ue000"),
    ],
)
def test_what_cannot_be_drawn_is_escaped(label: str, shown: str) -> None:
    assert text.legible(label) == shown


def test_no_character_fails_or_draws_an_empty_box() -> None:
    plain = text.font(text.packaged(), 24)
    box = bytes(plain.getmask("\uffff"))
    for code in range(0, sys.maxunicode + 1, 389):
        for character in text.legible(chr(code)):
            assert bytes(plain.getmask(character)) != box or character == " ", hex(code)


def test_long_text_is_cut() -> None:
    shown = text.legible("x" * 100_000)
    assert len(shown) == text.MAX_CHARACTERS
    assert shown.endswith("…")
    assert len(text.legible("中" * 100_000)) == text.MAX_CHARACTERS


@pytest.mark.parametrize("room", [40, 100, 240])
@pytest.mark.parametrize(
    "label",
    [
        "tench, Tinca tinca",
        "W" * 300,
        "a " * 150,
        "hippopotomonstrosesquippedaliophobia and more words",
        "  spaces   within  ",
        "中" * 40,
    ],
)
def test_lines_fit_and_lose_no_letter(label: str, room: int) -> None:
    lines = text.wrap(label, size=14, room=room)
    assert all(text.width(line, 14) <= room for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.legible(label).split())


def test_words_are_kept_together_where_they_fit() -> None:
    assert text.wrap("one two three", size=14, room=60) == ("one two", "three")


def test_nothing_is_one_empty_line() -> None:
    assert text.wrap("", size=14, room=100) == ("",)


def test_a_room_of_nothing_still_ends() -> None:
    assert text.wrap("abc", size=14, room=0) == ("a", "b", "c")


def test_text_darkens_and_stays_on_the_canvas() -> None:
    canvas = np.full((20, 60, 3), 255, np.uint8)
    text.write(canvas, "Wide text beyond", x=30, y=5, size=14)
    assert canvas[:, :28].min() == 255
    assert canvas[:, 30:].min() < 60
    assert (canvas == canvas[..., :1]).all()


needs_raqm = pytest.mark.skipif(not text.can_shape(), reason="this Pillow has no shaping engine")
BOXES = Face((text.packaged(), box_font("中文ಕ")))


def ink(shown: str, size: int, fonts: Face) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of what is black, from the left edge and the top."""
    canvas = np.full((40, 400, 3), 255, np.uint8)
    text.write(canvas, shown, x=10, y=5, size=size, face=fonts)
    dark = canvas[:, :, 0] < 128
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    return int(columns[0]) - 10, int(rows[0]) - 5, int(columns[-1]) - 9, int(rows[-1]) - 4


def test_letters_of_another_font_stand_on_the_same_line() -> None:
    assert text.legible("a中文\n日", BOXES) == "a中文\\n\\u65e5"
    # Of 1000 units an em: letters are 900 wide, boxes 800 by 700 on the baseline.
    assert text.width("中文", 20, BOXES) == 36
    ascent, _ = text.font(text.packaged(), 20).getmetrics()
    assert ink("中", 20, BOXES) == (0, ascent - 14, 16, ascent)
    left, _, right, _ = ink("H中", 20, BOXES)
    own = text.font(text.packaged(), 20).getlength("H")
    assert abs(right - (own + 16)) <= 1
    assert left == ink("H", 20, BOXES)[0]


def test_a_face_with_further_fonts_draws_what_the_packaged_one_has_alike() -> None:
    for label in ("cash machine", "naïve café", "Жук", "αβγ ½ — “ok”"):
        canvases = [np.full((30, 300, 3), 255, np.uint8) for _ in range(2)]
        for canvas, fonts in zip(canvases, (text.PACKAGED, BOXES), strict=True):
            text.write(canvas, label, x=5, y=5, size=14, face=fonts)
        assert np.array_equal(canvases[0], canvases[1])
        assert text.width(label, 14, BOXES) == text.width(label, 14)


@needs_raqm
@pytest.mark.parametrize("label", ["שלום", "قطة", "قطة 12 كلب"])
def test_scripts_from_right_to_left_are_drawn_as_the_engine_draws_them(label: str) -> None:
    assert text.legible(label) == label
    engine = text.font(text.packaged(), 20, ImageFont.Layout.RAQM)
    ascent, _ = engine.getmetrics()
    expected = Image.new("L", (400, 40), 255)
    pen = ImageDraw.Draw(expected)
    pen.text((10, 5 + ascent), label, font=engine, fill=0, anchor="ls", direction="rtl")
    canvas = np.full((40, 400, 3), 255, np.uint8)
    text.write(canvas, label, x=10, y=5, size=20)
    assert np.array_equal(canvas[:, :, 0], np.asarray(expected))
    forward = text.font(text.packaged(), 20).getlength(label)
    joined = label == "قطة"
    assert (text.width(label, 20) != int(np.ceil(forward))) or not joined


@needs_raqm
def test_words_of_both_directions() -> None:
    assert list(text.split_by_direction("a שלום 1, עולם b")) == [
        ("a ", False), ("שלום 1, עולם", True), (" b", False),
    ]  # fmt: skip
    label = "Top label: שלום"
    own = text.font(text.packaged(), 14).getlength("Top label: ")
    engine = text.font(text.packaged(), 14, ImageFont.Layout.RAQM)
    hebrew = engine.getlength("שלום", direction="rtl")
    assert text.width(label, 14) == int(np.ceil(own + hebrew))
    wrapped = "".join(text.wrap(label * 9, size=14, room=100))
    assert wrapped.replace(" ", "") == (label * 9).replace(" ", "")


def test_without_an_engine_such_scripts_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "can_shape", lambda: False)
    text._legible.cache_clear()
    assert text.legible("שלום") == r"\u05e9\u05dc\u05d5\u05dd"
    assert text.legible("中ಕ", BOXES) == r"中\u0c95"
    text._legible.cache_clear()


def test_controls_within_such_scripts_are_escaped() -> None:
    for control in ("\n", "\u202e", "\udce9"):
        assert control not in text.legible(f"של{control}ום")
