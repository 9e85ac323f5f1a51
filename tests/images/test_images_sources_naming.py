import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.errors import UsageError
from igcli.images.sources import Naming, Walk
from support.walks import listing, names

Tree = Callable[..., Path]


def test_single_files_are_always_tried_and_named_from_the_current_folder(tree: Tree) -> None:
    top = tree("here/in/notes.txt", "here/b", "data/x/a.jpg", "data/y/b.jpg")
    os.chdir("here")
    walk = Walk(["in/notes.txt", str(top / "here/b"), "../data/x/a.jpg", str(top / "data/y/b.jpg")])
    assert names(walk) == ["in/notes.txt", "b", "x/a.jpg", "y/b.jpg"]


def test_a_lone_file_outside_keeps_its_own_name(tree: Tree) -> None:
    tree("here/x", "data/a.jpg")
    os.chdir("here")
    assert names(Walk(["../data/a.jpg"])) == ["a.jpg"]


def test_names_hold_no_way_up_whatever_the_path(tree: Tree) -> None:
    top = tree("here/in/a.jpg", "other/b.jpg")
    os.chdir("here")
    paths = [
        "in/../../other/b.jpg",
        "./in/./a.jpg",
        "../here/in/../in/a.jpg",
        f"/..{top}/other/b.jpg",
    ]
    assert set(names(Walk(paths))) <= {"in/a.jpg", "b.jpg"}


@pytest.mark.parametrize("name", ["nothing.jpg", "", "a\0b", "in/a.jpg/b.jpg", "x" * 300])
def test_a_missing_argument_is_refused(tree: Tree, name: str) -> None:
    tree("in/a.jpg")
    with pytest.raises(UsageError, match="cannot be read"):
        Walk(["in", name])


def test_a_dangling_link_given_is_passed_on(tree: Tree) -> None:
    tree("in/a.jpg")
    Path("link.jpg").symlink_to("nothing")
    assert names(Walk(["link.jpg", "in"])) == ["link.jpg", "a.jpg"]


def test_listed_paths_are_passed_on_though_missing(tree: Tree) -> None:
    tree("in/a.jpg", "in/b.jpg")
    listed = listing("in/b.jpg", "in/missing.jpg", "./in/b.jpg", "in/b.jpg")
    assert names(Walk([], listed=listed)) == ["in/b.jpg", "in/missing.jpg"]


def test_listed_folders_are_not_walked(tree: Tree, caplog: pytest.LogCaptureFixture) -> None:
    tree("in/a.jpg", "in/b/c.jpg")
    walk = Walk([], listed=listing("in", "in/a.jpg", "in/b"))
    assert names(walk) == ["in/a.jpg"]
    assert walk.statistics.skipped == {"listed folders": 2}
    assert len(caplog.messages) == 2


def test_listed_paths_outside_share_their_longest_common_folder(tree: Tree) -> None:
    top = tree("here/in/a.jpg", "data/x/a.jpg", "data/y/z/b.jpg")
    os.chdir("here")
    listed = listing(f"{top}/data/x/a.jpg", "in/a.jpg", "../data/y/z/b.jpg")
    assert names(Walk([], listed=listed)) == ["x/a.jpg", "in/a.jpg", "y/z/b.jpg"]


def test_quoted_patterns_do_what_the_shell_does(tree: Tree) -> None:
    tree("in/a.jpg", "in/b.jpg", "in/notes.txt", "in/deep/c.jpg", "in/deep/d.txt")
    assert names(Walk(["in/*.jpg"])) == ["in/a.jpg", "in/b.jpg"]
    assert names(Walk(["in/*"])) == ["in/a.jpg", "in/b.jpg", "in/deep/c.jpg", "in/notes.txt"]
    assert names(Walk(["in/**/*.jpg"])) == ["in/a.jpg", "in/b.jpg", "in/deep/c.jpg"]
    assert names(Walk(["in/*.jpg", "in/a*", "in/a.jpg"])) == ["in/a.jpg", "in/b.jpg"]


def test_a_pattern_without_a_match_is_only_warned_of(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree("in/a.jpg")
    walk = Walk(["*.png"])
    assert names(walk) == []
    assert caplog.messages == ["skipped '*.png': nothing matches the pattern"]


def test_an_existing_file_is_no_pattern(tree: Tree) -> None:
    tree("a[1].jpg", "a1.jpg")
    assert names(Walk(["a[1].jpg"])) == ["a[1].jpg"]


def test_urls_that_differ_in_the_query_alone_have_names_of_their_own() -> None:
    urls = [
        "https://h/d/a.jpg?id=1",
        "https://h/d/a.jpg?id=2",
        "https://h/d/a.jpg",
        "https://h/d/b.jpg?signature=x",
        "https://h/d/show?id=1",
        "https://h/d/show?id=2",
    ]
    naming = Naming(lambda: urls)
    one, two = (hashlib.sha256(query).hexdigest()[:8] for query in (b"?id=1", b"?id=2"))
    assert [naming.source(url).name for url in urls] == [
        f"a~{one}.jpg", f"a~{two}.jpg", "a.jpg", "b.jpg", f"show~{one}", f"show~{two}",
    ]  # fmt: skip
