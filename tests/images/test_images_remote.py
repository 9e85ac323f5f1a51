"""Folders and files behind URLs, in the store that lies in memory."""

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli import stores
from igcli.errors import ImageError, UsageError
from igcli.images.files import read_file
from igcli.images.listing import Listing
from igcli.images.sources import Walk
from igcli.urls import checked, has_credentials, is_url, shown
from support.stores import put

Tree = Callable[..., Path]


@pytest.fixture(autouse=True)
def empty() -> None:
    stores._store.cache_clear()
    stores.store("memory://x").files.store.clear()
    stores.store("memory://x").files.pseudo_dirs[:] = [""]


def fill(*names: str) -> None:
    for name in names:
        put(f"memory://{name}", name.encode())


def names(*arguments: str, **options: str | int) -> list[str]:
    return [source.name for source in Walk(arguments, **options)]  # type: ignore[arg-type]


def test_folders_are_walked_as_on_disk(tree: Tree) -> None:
    files = ("b.jpg", "a/2.png", "a/10.PNG", "a.jpg", "a/.x/c.png", "n.txt", "a/b/c.gif", ".d.jpg")
    top = tree(*(f"in/{name}" for name in files))
    fill(*(f"in/{name}" for name in files))
    here, there = Walk([f"{top}/in"]), Walk(["memory://in/"])
    assert [source.name for source in there] == [source.name for source in here]
    assert str(there.statistics) == str(here.statistics)
    for source in there:
        assert source.path == f"memory://in/{source.name}"
        assert read_file(source.path, max_bytes=99) == f"in/{source.name}".encode()
    assert names("memory://in", limit=2) == names(f"{top}/in", limit=2)


def test_names_of_several(tree: Tree) -> None:
    fill("x/in/a.jpg", "y/out/a.jpg", "y/b/c.jpg")
    top = tree("z/a.jpg", "z/b.jpg")
    assert names("memory://x/in", "memory://y/out", f"{top}/z") == [
        "in/a.jpg", "out/a.jpg", "z/a.jpg", "z/b.jpg"
    ]  # fmt: skip
    assert names("memory://x/in", "memory://y/b/c.jpg") == ["a.jpg", "c.jpg"]
    singles = ("memory://x/in/a.jpg", "memory://y/b/c.jpg", f"{top}/z/b.jpg")
    assert names(*singles) == ["x/in/a.jpg", "y/b/c.jpg", "z/b.jpg"]


def test_nothing_is_taken_twice_and_the_output_is_left_out() -> None:
    fill("in/a.jpg", "in/b/c.jpg", "in/out/panels/a.jpg")
    arguments = ("memory://in", "memory://in/b", "memory://in/a.jpg", "memory://in/")
    assert names(*arguments, output="memory://in/out") == ["in/a.jpg", "in/b/c.jpg"]
    with pytest.raises(UsageError, match="lies in, the output folder"):
        Walk(["memory://in/out/panels"], output="memory://in/out")


def test_patterns() -> None:
    fill("in/a.jpg", "in/b.jpg", "in/c/d.jpg", "in/c/e.png", "in/.h/f.jpg", "in/[1].jpg")
    assert names("memory://in/*.jpg") == ["[1].jpg", "a.jpg", "b.jpg"]
    assert names("memory://in/**/*.jpg") == ["[1].jpg", "a.jpg", "b.jpg", "c/d.jpg"]
    assert names("memory://in/*") == ["[1].jpg", "a.jpg", "b.jpg", "c/d.jpg", "c/e.png"]
    assert names("memory://in/*/d.jpg") == ["d.jpg"]
    assert names("memory://in/[1].jpg") == ["[1].jpg"], "what is there is no pattern"
    walk = Walk(["memory://in/*.gif"])
    assert list(walk) == []
    assert walk.statistics.skipped["patterns without a match"] == 1


class Odd:
    """A store whose keys are not those of a file system."""

    def ls(self, place: str, detail: bool) -> list[dict[str, str]]:
        listed = {
            "b/in": [("b/in/", "directory"), ("b/in/..", "directory"), ("b/in/a", "directory"),
                     ("b/in/a.jpg", "file"), ("b/in", "file"), ("b/in/\udcff.jpg", "file")],
            "b/in/a": [("b/in/a/", "directory"), ("b/in/a/c.jpg", "file")],
        }[place]  # fmt: skip
        return [{"name": name, "type": kind} for name, kind in listed]

    def info(self, place: str) -> dict[str, str]:
        return {"type": "directory"}

    def _strip_protocol(self, url: str) -> str:
        return url.removeprefix("memory://")


def test_keys_that_no_file_could_have_end_no_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = stores.Store(Odd(), (OSError,))
    monkeypatch.setattr("igcli.images.remote.store", lambda *_, **__: odd)
    walk = Walk(["memory://b/in"])
    assert [source.name for source in walk] == ["a/c.jpg", "a.jpg", "\udcff.jpg"]
    assert walk.statistics.skipped["names that lead elsewhere"] == 3


def test_a_folder_that_cannot_be_listed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fill("in/a/b.jpg", "in/c.jpg")
    files = stores.store("memory://").files
    listed = files.ls

    def ls(place: str, detail: bool) -> object:
        if place.endswith("/a"):
            raise PermissionError("the key AKIA... may not")
        return listed(place, detail=detail)

    monkeypatch.setattr(files, "ls", ls)
    walk = Walk(["memory://in/"])
    assert [source.name for source in walk] == ["c.jpg"]
    assert walk.statistics.unreadable == 1


def test_what_is_too_large_is_not_read() -> None:
    put("memory://in/a.jpg", b"12345")
    assert read_file("memory://in/a.jpg", max_bytes=5) == b"12345"
    with pytest.raises(ImageError, match=r"^too large: 5 bytes, the limit is 4$"):
        read_file("memory://in/a.jpg", max_bytes=4)
    put("memory://in/empty.jpg", b"")
    with pytest.raises(ImageError, match=r"^empty file$"):
        read_file("memory://in/empty.jpg", max_bytes=4)
    with pytest.raises(ImageError, match=r"^cannot be read: no such file or folder$"):
        read_file("memory://in/nothing.jpg", max_bytes=4)


def test_archives_in_a_store() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("cats/a.jpg", b"A")
    url = put("memory://in/photos.zip", buffer.getvalue())
    [source] = Walk([url])
    assert (source.path, source.name) == (f"zip://cats/a.jpg::{url}", "cats/a.jpg")
    assert read_file(source.path, max_bytes=9) == b"A"
    assert names(f"zip://cats::{url}") == ["a.jpg"]
    assert names("memory://in/*.zip", url) == ["photos/cats/a.jpg", "cats/a.jpg"]


def test_lists_hold_urls(tree: Tree) -> None:
    fill("in/a.jpg", "in/b/c.jpg")
    top = tree("z/d.jpg")
    lines = f"memory://in/a.jpg\nmemory://in/b/c.jpg\nmemory://in/a.jpg\nfile://{top}/z/d.jpg\n"
    walk = Walk([], listed=Listing(io.BytesIO(lines.encode()), nul=False))
    assert [source.name for source in walk] == ["a.jpg", "b/c.jpg", "z/d.jpg"]
    for line in (b"http://me:password@h/a.jpg", b"gopher://h/a.jpg"):
        with pytest.raises(UsageError) as caught:
            list(Walk([], listed=Listing(io.BytesIO(line), nul=False)))
        assert "password@" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("https://h/a.jpg?token=x#y", "https://h/a.jpg"),
        ("HTTPS://h/a.jpg?token=x", "HTTPS://h/a.jpg"),
        ("zip://b.jpg::https://h/a.zip?token=x", "zip://b.jpg::https://h/a.zip"),
        ("s3://b/what?.jpg", "s3://b/what?.jpg"),
        ("photos/what?.jpg", "photos/what?.jpg"),
    ],
)
def test_queries_are_not_shown(path: str, expected: str) -> None:
    assert shown(path) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:pw@h/a.jpg", True),
        ("https://token@h/a.jpg", True),
        ("https://h:8080/me@home.jpg", False),
        ("s3://key:secret@bucket/a", True),
        ("s3://key:sec/ret@bucket/a", True),
        ("zip://a.jpg::s3://key:secret@bucket/a.zip", True),
        ("zip://me@home.jpg::photos.zip", False),
        ("s3://bucket/me@home.jpg", False),
        ("s3://arn:aws:s3:us-east-1:1:accesspoint/x/me@home.jpg", False),
        ("me:pw@h/a.jpg", False),
    ],
)
def test_credentials_are_noticed(url: str, expected: bool) -> None:
    assert has_credentials(url) is expected


def test_what_is_a_url() -> None:
    assert [is_url(path) for path in ("s3://b", "S3://b", "a/b://c", "/a", "c:a", "://")] == [
        True, True, False, False, False, False
    ]  # fmt: skip
    assert checked("file:///a b/c?.jpg") == "/a b/c?.jpg"
    assert os.fsencode(checked(os.fsdecode(b"file:///\xff"))) == b"/\xff"
