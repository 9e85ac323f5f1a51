import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.errors import UsageError
from igcli.images import listing
from igcli.images.listing import Listing, read_paths


def paths(data: bytes, *, nul: bool = False) -> list[str]:
    return list(read_paths(io.BytesIO(data), nul=nul))


def test_lines() -> None:
    assert paths(b"a.jpg\n\nb c.jpg\n ./d.jpg") == ["a.jpg", "b c.jpg", " ./d.jpg"]


LISTED = ["a.jpg", "größe/ü.png", "猫 1.jpg"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_of_windows_and_spreadsheets(
    tree: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, encoding: str, end: str
) -> None:
    tree()
    monkeypatch.setattr(listing, "CHUNK", 17)  # characters and marks lie across chunks
    mark = "\ufeff" if encoding.startswith("utf-16-") else ""
    text = mark + end.join([*LISTED[:2], "", "  ", LISTED[2], ""])
    assert paths(text.encode(encoding)) == LISTED


def test_names_that_are_spelled_like_a_windows_list(tree: Callable[..., Path]) -> None:
    tree("a.jpg\r", "\ufeffb.jpg", "  ", "c.jpg")
    assert paths("\ufeffb.jpg\na.jpg\r\n  \nc.jpg\r\n".encode()) == [
        "\ufeffb.jpg", "a.jpg\r", "  ", "c.jpg",
    ]  # fmt: skip
    assert paths(b"\xff\xfe.jpg\n") == ["\udcff\udcfe.jpg"]
    assert paths(b"https://h/a.jpg\r\n") == ["https://h/a.jpg"]


def test_names_that_end_in_nul_stay_as_they_are() -> None:
    assert paths("\ufeffa.jpg\r\0 \0".encode(), nul=True) == ["\ufeffa.jpg\r", " "]


def test_a_list_cut_within_a_character_is_refused() -> None:
    with pytest.raises(UsageError, match="starts as UTF-16 but is invalid; save it as UTF-8"):
        paths("\ufeffa.jpg\n".encode("utf-16-le")[:-1])


def test_nul_separated_names_may_hold_newlines() -> None:
    assert paths(b"a\nb.jpg\0\0c.jpg\0", nul=True) == ["a\nb.jpg", "c.jpg"]


def test_bytes_that_are_not_utf_8_are_escaped() -> None:
    assert paths(b"\xff\xc3\xa9.jpg\n") == ["\udcffé.jpg"]


def test_entries_longer_than_a_chunk_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "CHUNK", 10)
    names = [f"{number}.jpg" for number in range(1000)]
    assert paths("\n".join(names).encode()) == names


def test_what_is_no_list_is_refused() -> None:
    with pytest.raises(UsageError, match="longer than any path"):
        paths(b"x" * 200_000)
    with pytest.raises(UsageError, match="use -0 for lists separated by NUL"):
        paths(b"a.jpg\0b.jpg\0")


def test_a_listing_is_iterated_as_often_as_needed() -> None:
    names = [f"d/{number}.jpg" for number in range(100)]
    listed = Listing(io.BytesIO("\n".join(names).encode()), nul=False)
    assert list(listed) == list(listed) == names
    assert next(iter(listed)) == "d/0.jpg"
    assert list(listed) == names


def test_spellings_of_one_file_come_once(tree: Callable[..., Path]) -> None:
    here = tree("d/a.jpg")
    (here / "link").symlink_to("d")
    spelled = ["d/a.jpg", f"{here}/d/a.jpg", "d/../d/a.jpg", "link/a.jpg", f"file://{here}/d/a.jpg"]
    assert list(Listing(io.BytesIO("\n".join(spelled).encode()), nul=False)) == ["d/a.jpg"]
    urls = "http://h/a.jpg\nhttp://h//a.jpg\nhttp://h/a.jpg"
    assert list(Listing(io.BytesIO(urls.encode()), nul=False)) == urls.split("\n")[:2]


def test_repeated_paths_come_once() -> None:
    listed = Listing(io.BytesIO(b"a.jpg\nd/b.jpg\n./a.jpg\nd/./b.jpg\n/a.jpg\na.jpg"), nul=False)
    assert list(listed) == list(listed) == ["a.jpg", "d/b.jpg", "/a.jpg"]


def test_long_lists_lie_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "IN_MEMORY", 100)
    names = [os.fsdecode(b"\xff%d.jpg" % number) for number in range(1000)]
    stream = io.BytesIO(b"\0".join(map(os.fsencode, names)))
    assert list(Listing(stream, nul=True)) == names


def test_an_empty_list() -> None:
    assert list(Listing(io.BytesIO(b""), nul=False)) == []
