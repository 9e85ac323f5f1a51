import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.images.argument_kind import expand, is_pattern

Tree = Callable[..., Path]
FILES = [
    "a.jpg",
    "b.JPG",
    ".h.jpg",
    "d/a.jpg",
    "d/e/f/b.jpg",
    ".hid/c.jpg",
    "d/.hid/c.jpg",
    "[x].jpg",
]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*.jpg", ["[x].jpg", "a.jpg"]),
        ("?.[jJ][pP][gG]", ["a.jpg", "b.JPG"]),
        (".*.jpg", [".h.jpg"]),
        ("*/*.jpg", ["d/a.jpg"]),
        (".hid/*", [".hid/c.jpg"]),
        ("**/*.jpg", ["[x].jpg", "a.jpg", "d/a.jpg", "d/e/f/b.jpg"]),
        ("**/**/*.jpg", ["[x].jpg", "a.jpg", "d/a.jpg", "d/e/f/b.jpg"]),
        ("d/**", ["d/a.jpg", "d/e", "d/e/f", "d/e/f/b.jpg"]),
        ("d/**/f", ["d/e/f"]),
        ("d//e/./f/*", ["d/e/./f/b.jpg"]),
        ("[[]x].jpg", ["[x].jpg"]),
        ("nothing/*", []),
        ("a.jpg/*", []),
    ],
)
def test_patterns(tree: Tree, pattern: str, matches: list[str]) -> None:
    tree(*FILES)
    assert list(expand(pattern)) == matches


@pytest.mark.parametrize("pattern", ["*", "d/*", "*/*", "../*/d/*.jpg", "d/*/", "*[!G]"])
def test_the_shell_agrees(tree: Tree, pattern: str) -> None:
    tree(*FILES)
    shell = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {pattern}"],
        env={"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert list(expand(pattern)) == shell.stdout.split()


def test_absolute_patterns(tree: Tree) -> None:
    top = tree("d/a.jpg")
    assert list(expand(f"{top}/*/*.jpg")) == [f"{top}/d/a.jpg"]


def test_two_stars_follow_no_links_and_end(tree: Tree) -> None:
    tree("d/a.jpg")
    for name in ("one", "two"):
        Path("d", name).symlink_to("../d")
    Path("d/round").symlink_to("round")
    assert list(expand("d/**/*.jpg")) == ["d/a.jpg"]
    assert "d/one/a.jpg" in list(expand("d/*/*.jpg"))


def test_bytes_that_are_not_utf_8_match(tree: Tree) -> None:
    tree(b"\xff1.jpg", b"\xff2.png")
    assert [os.fsencode(path) for path in expand("*.jpg")] == [b"\xff1.jpg"]


def test_unreadable_folders_match_nothing(ordinary_user: Path) -> None:
    Path("locked").mkdir()
    Path("locked/a.jpg").touch()
    Path("locked").chmod(0)
    assert list(expand("*/*.jpg")) == []


def test_what_a_pattern_is(tree: Tree) -> None:
    tree("a[1].jpg", "b.jpg")
    assert is_pattern("a[2].jpg")
    assert not is_pattern("a[1].jpg")
    assert not is_pattern("missing.jpg")
