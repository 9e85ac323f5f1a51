import io
import os

import pytest

from igcli.errors import UsageError
from igcli.images import listing
from igcli.images.listing import Listing, read_paths


def paths(data: bytes, *, nul: bool = False) -> list[str]:
    return list(read_paths(io.BytesIO(data), nul=nul))


def test_lines() -> None:
    assert paths(b"a.jpg\n\nb c.jpg\r\n ./d.jpg") == ["a.jpg", "b c.jpg\r", " ./d.jpg"]


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
    with pytest.raises(UsageError, match="-0 reads such lists"):
        paths(b"a.jpg\0b.jpg\0")


def test_a_listing_is_iterated_as_often_as_needed() -> None:
    names = [f"d/{number}.jpg" for number in range(100)]
    listed = Listing(io.BytesIO("\n".join(names).encode()), nul=False)
    assert list(listed) == list(listed) == names
    assert next(iter(listed)) == "d/0.jpg"
    assert list(listed) == names


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
