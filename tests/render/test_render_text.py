"""Text is legible on every machine, whatever a label holds."""

import sys

import numpy as np
import pytest

from igcli.render import text


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
        ("שלום", r"\u05e9\u05dc\u05d5\u05dd"),
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
    box = bytes(text._font(24).getmask("\uffff"))
    for code in range(0, sys.maxunicode + 1, 389):
        for character in text.legible(chr(code)):
            assert bytes(text._font(24).getmask(character)) != box or character == " ", hex(code)


def test_long_text_is_cut() -> None:
    shown = text.legible("x" * 100_000)
    assert len(shown) == text.LONGEST
    assert shown.endswith("…")
    assert len(text.legible("中" * 100_000)) == text.LONGEST


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
