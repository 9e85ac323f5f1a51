"""Fonts of the machine, located by fontconfig or in the usual folders."""

import shutil
from pathlib import Path

import pytest

from igcli.errors import UsageError
from igcli.pipeline import fonts
from igcli.pipeline.fonts import check_font, face_for
from igcli.render.text import Face, packaged
from support.fonts import box_font, write_font


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be a machine whose fonts lie in one folder, and that has no fontconfig."""
    monkeypatch.setattr(fonts, "FOLDERS", (str(tmp_path / "fonts"),))
    monkeypatch.setenv("PATH", "")
    return tmp_path / "fonts"


def test_nothing_is_looked_for_where_the_packaged_font_has_all(folder: Path) -> None:
    write_font(folder / "a.ttf", "abc中")
    assert face_for(None, ["cash machine", "Жук", "naïve\u0301 \u202e\n"]) == Face()


def test_fonts_in_the_usual_folders(folder: Path) -> None:
    write_font(folder / "a.ttf", "xyz")
    chinese = write_font(folder / "deep/b.otf", "中文")
    thai = write_font(folder / "deep/c.ttf", "中ก")
    (folder / "broken.ttf").write_bytes(b"no font")
    (folder / "d.txt").write_bytes(box_font("日"))
    face = face_for(None, ["cat 中", "文ก日", "ก"])
    assert face.fonts == (packaged(), chinese.read_bytes(), thai.read_bytes())
    assert face_for(None, ["日"]) == Face()
    assert [face.can_draw(char) for char in "a中文ก日"] == [True] * 4 + [False]


@pytest.mark.skipif(shutil.which("fc-match") is None, reason="no fontconfig here")
def test_fonts_that_fontconfig_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_font(tmp_path / "fonts/a.ttf", "xyz")
    chinese = write_font(tmp_path / "fonts/b.ttf", "中文")
    (tmp_path / "fonts.conf").write_text(
        "<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig>"
        f"<dir>{tmp_path}/fonts</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    monkeypatch.setattr(fonts, "FOLDERS", ())
    assert face_for(None, ["中文", "日本"]).fonts == (packaged(), chinese.read_bytes())


def test_a_font_that_is_given_comes_first(tmp_path: Path) -> None:
    given = write_font(tmp_path / "a.ttf", "ab")
    assert face_for(str(given), ["ab中"]).fonts == (given.read_bytes(), packaged())
    check_font(str(given))


def test_what_is_no_font_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ttf").write_bytes(b"no font")
    with pytest.raises(UsageError, match=r"panel\.font: .*a\.ttf is not a font; give a \.ttf"):
        check_font(str(tmp_path / "a.ttf"))
    with pytest.raises(UsageError, match=r"panel\.font: .*b\.ttf: No such file"):
        check_font(str(tmp_path / "b.ttf"))
