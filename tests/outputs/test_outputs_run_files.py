from pathlib import Path

import pytest

from igcli.errors import UsageError
from igcli.outputs.cleanup import clear
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.run_files import PAGE, is_page, refuse_foreign_page, write_page


def test_a_page_is_written_and_replaced(output: LocalFolder) -> None:
    for text in ("<html>one", "<html>zwölf"):
        write_page(output, text)
        assert is_page(output)
        page = Path(output.path, PAGE).read_text(encoding="utf-8")
        assert page == f"<!doctype html>\n<!-- Written by igcli. -->\n{text}"


def test_a_page_of_others_is_left_alone(output: LocalFolder) -> None:
    Path(output.path, PAGE).write_text("<!doctype html>\nmine")
    with pytest.raises(UsageError, match=r"index.html' was not written by igcli"):
        write_page(output, "<html>")
    clear(output)
    assert Path(output.path, PAGE).read_text() == "<!doctype html>\nmine"


def test_links_and_folders_are_left_alone(output: LocalFolder) -> None:
    Path(output.path, "link").symlink_to("gone")
    Path(output.path, "folder").mkdir()
    for name in ("link", "folder"):
        with pytest.raises(UsageError, match="not overwritten"):
            refuse_foreign_page(output, name)
    refuse_foreign_page(output, "new")


def test_overwriting_a_run_removes_its_page(output: LocalFolder) -> None:
    write_page(output, "<html>")
    Path(output.path, "mine.html").touch()
    clear(output)
    assert [path.name for path in Path(output.path).iterdir()] == ["mine.html"]
