import logging
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.errors import UsageError
from igcli.images.sources import Walk
from support.walks import listing, names

Tree = Callable[..., Path]


def test_one_folder_is_mirrored_relative_to_it_in_byte_order(tree: Tree) -> None:
    tree("in/b.png", "in/a/z.jpg", "in/a.jpg", "in/B.jpg", "in/é.jpg", "in/a/b/c.gif")
    walk = Walk(["in"])
    assert names(walk) == ["B.jpg", "a/b/c.gif", "a/z.jpg", "a.jpg", "b.png", "é.jpg"]
    assert [source.path for source in walk][:2] == ["in/B.jpg", "in/a/b/c.gif"]
    assert walk.statistics.taken == 6


def test_several_folders_are_mirrored_under_their_own_names(tree: Tree) -> None:
    tree("x/cats/a.jpg", "y/dogs/b.jpg", "here/c.jpg")
    os.chdir("here")
    assert names(Walk(["../x/cats/", "../y/dogs", "."])) == [
        "cats/a.jpg",
        "dogs/b.jpg",
        "here/c.jpg",
    ]


def test_the_same_folder_twice_counts_as_one(tree: Tree) -> None:
    tree("in/a.jpg")
    Path("link").symlink_to("in")
    walk = Walk(["in", "./in/", "link"])
    assert names(walk) == ["a.jpg"]
    assert walk.statistics.skipped == {"repetitions": 2}


@pytest.mark.parametrize("order", [("in", "in/deep"), ("in/deep", "in")])
def test_a_folder_in_another_is_taken_once(tree: Tree, order: tuple[str, str]) -> None:
    tree("in/a.jpg", "in/deep/b.jpg")
    assert sorted(source.path for source in Walk(order)) == ["in/a.jpg", "in/deep/b.jpg"]


def test_extensions_in_any_case_are_taken_and_others_counted(tree: Tree) -> None:
    taken = ["a.JPG", "b.jpeg", "c.Png", "d.webp", "e.BMP", "f.gif"]
    tree(*(f"in/{name}" for name in [*taken, "n.txt", "m.TXT", "README", "x.svg", ".jpg"]))
    walk = Walk(["in"])
    assert names(walk) == taken
    assert walk.statistics.left_out == {".txt": 2, "no ending": 1, ".svg": 1, "hidden files": 1}
    assert str(walk.statistics) == "4 other files (.txt 2, .svg 1, no ending 1), hidden files 1"


def test_hidden_folders_are_skipped_unless_given(tree: Tree) -> None:
    tree("in/.git/a.jpg", "in/b.jpg")
    walk = Walk(["in"])
    assert names(walk) == ["b.jpg"]
    assert str(walk.statistics) == "hidden folders 1"
    assert names(Walk(["in/.git"])) == ["a.jpg"]


def test_hidden_files_are_no_images_unless_given(tree: Tree) -> None:
    tree("in/a.jpg", "in/._a.jpg", "in/.DS_Store", "in/d/.b.png")
    walk = Walk(["in"])
    assert names(walk) == ["a.jpg"]
    assert walk.statistics.left_out == {"hidden files": 3}
    assert names(Walk(["in", "in/d/.b.png"])) == ["a.jpg", "in/d/.b.png"]


def test_the_whole_is_walked_beyond_the_limit_and_not_counted(tree: Tree) -> None:
    tree("in/a.jpg", "in/b.jpg", "in/c.txt", "in/d/e.jpg")
    walk = Walk(["in"], limit=1)
    assert names(walk) == ["a.jpg"]
    assert [source.name for source in walk.unlimited()] == ["a.jpg", "b.jpg", "d/e.jpg"]
    assert walk.statistics.taken == 1


def test_the_output_folder_is_skipped_wherever_it_is_met(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree("in/a.jpg", "in/out/panels/a.jpg")
    Path("link").symlink_to("in/out")
    assert names(Walk(["in"], output="in/out")) == ["a.jpg"]
    assert names(Walk(["in", "in/out", "link/panels"], output="in/out")) == ["a.jpg"]
    assert not caplog.records
    walk = Walk(["in/a.jpg", "link/panels/a.jpg"], output="in/out")
    assert names(walk) == ["in/a.jpg"]
    assert "skipped 'link/panels/a.jpg': it is in the output folder" in caplog.messages


def test_nothing_but_the_output_folder_is_refused(tree: Tree) -> None:
    tree("out/panels/a.jpg")
    with pytest.raises(UsageError, match="'out/panels' is, or lies in, the output folder"):
        Walk(["out/panels"], output="out")


def test_a_file_in_a_given_folder_is_taken_once(tree: Tree) -> None:
    tree("in/a.jpg", "in/b.jpg", "in/notes.txt")
    walk = Walk(["in/b.jpg", "in", "./in/a.jpg", "in/notes.txt"], listed=listing("in/a.jpg"))
    assert sorted(source.path for source in walk) == ["in/a.jpg", "in/b.jpg", "in/notes.txt"]
    assert walk.statistics.skipped == {"repetitions": 3}


def test_links_to_files_are_taken_and_links_to_folders_are_not(tree: Tree) -> None:
    tree("data/a.jpg", "in/b.jpg")
    Path("in/c.jpg").symlink_to("../data/a.jpg")
    Path("in/d").symlink_to("../data")
    Path("in/e.jpg").symlink_to("../data")
    walk = Walk(["in"])
    assert names(walk) == ["b.jpg", "c.jpg"]
    assert walk.statistics.skipped == {"linked folders": 2}


def test_loops_of_links_end(tree: Tree) -> None:
    tree("in/a.jpg")
    Path("in/self").symlink_to(".")
    Path("in/up").symlink_to("../in")
    Path("in/round.jpg").symlink_to("round.jpg")
    Path("in/nowhere.jpg").symlink_to("nothing")
    assert names(Walk(["in"])) == ["a.jpg", "nowhere.jpg", "round.jpg"]


def test_special_files_are_skipped_with_a_warning(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    tree("in/b.jpg")
    os.mkfifo("in/a.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("in/c.jpg")
        walk = Walk(["in", "in/a.jpg", "/dev/null"], listed=listing("in/c.jpg"))
        assert names(walk) == ["b.jpg"]
        assert walk.statistics.skipped == {"special files": 3, "repetitions": 2}
        assert names(Walk(["/dev/null", "in/b.jpg"])) == ["in/b.jpg"]
    assert "skipped 'in/a.jpg': not a regular file" in caplog.messages


def test_an_unreadable_folder_below_is_counted_with_a_warning(
    ordinary_user: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("in/locked/a.jpg", "in/z.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("in/locked").chmod(0)
    walk = Walk(["in"])
    assert names(walk) == ["z.jpg"]
    assert walk.statistics.unreadable == 1
    assert caplog.messages == ["skipped 'in/locked': the folder cannot be read"]
    with pytest.raises(UsageError, match="'in/locked' cannot be read: Permission denied"):
        Walk(["in/locked"])


def test_a_folder_that_vanishes_during_the_walk_is_unreadable(tree: Tree) -> None:
    tree("in/a.jpg", "in/b/c.jpg", "in/d.jpg")
    walk = Walk(["in"])
    sources = iter(walk)
    assert next(sources).name == "a.jpg"
    Path("in/b/c.jpg").unlink()
    Path("in/b").rmdir()
    assert [source.name for source in sources] == ["d.jpg"]
    assert walk.statistics.unreadable == 1


def test_names_of_any_bytes_survive(tree: Tree) -> None:
    odd = [b"in/new\nline.jpg", b"in/not\xffutf8.jpg", b"in/ sp ace .jpg", b"in/\x1b[31m.jpg"]
    tree(*odd)
    walked = list(Walk(["in"]))
    assert [os.fsencode(source.path) for source in walked] == sorted(odd)
    assert [os.fsencode(f"in/{source.name}") for source in walked] == sorted(odd)
    listed = Walk([], listed=listing(*map(os.fsdecode, odd)))
    assert [os.fsencode(name) for name in names(listed)] == odd


def test_warnings_come_once_however_often_it_is_walked(
    tree: Tree, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    tree("in/a.jpg")
    os.mkfifo("in/b.jpg")
    walk = Walk(["in"])
    assert names(walk) == names(walk) == ["a.jpg"]
    assert len(caplog.messages) == 1
    assert walk.statistics.skipped == {"special files": 1}


def test_the_limit_takes_the_first_and_walks_no_further(tree: Tree) -> None:
    tree(*(f"in/{number:03}/a.jpg" for number in range(100)))
    walk = Walk(["in"], limit=2)
    assert names(walk) == ["000/a.jpg", "001/a.jpg"]
    assert walk.statistics.taken == 2


def test_deep_trees_are_walked(tree: Tree) -> None:
    top = tree()
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    Path("a.jpg").touch()
    os.chdir(top)
    walk = Walk(["d"])
    assert names(walk) == [f"{'d/' * 1099}a.jpg"]
    subprocess.run(["rm", "-r", "d"], check=True)  # too deep for pytest to clear up


def test_links_to_folders_are_followed_where_asked_and_loops_end(tree: Tree) -> None:
    tree("in/a.jpg", "in/deep/b.jpg", "data/c.jpg", "data/.hidden/d.jpg", "out/panels/e.jpg")
    Path("in/deep/up").symlink_to("../../in")
    Path("in/deep/self").symlink_to(".")
    Path("in/data").symlink_to("../data")
    Path("in/data2").symlink_to("../data")
    Path("data/back").symlink_to("../in/deep")
    Path("data/.secret").symlink_to("../data")
    Path("in/results").symlink_to("../out/panels")
    Path("in/round").symlink_to("round")
    Path("in/gone").symlink_to("nothing")
    walk = Walk(["in"], output="out", follow=True)
    assert names(walk) == ["a.jpg", "data/back/b.jpg", "data/c.jpg"]
    assert walk.statistics.skipped == {"hidden folders": 2, "repetitions": 4, "output folder": 1}
    assert names(walk) == names(Walk(["in"], output="out", follow=True))


def test_a_thousand_links_to_each_other_end(tree: Tree) -> None:
    tree("in/0/a.jpg")
    for number in range(30):
        Path(f"in/{number}").mkdir(exist_ok=True)
    for number in range(30):
        for other in range(30):
            Path(f"in/{number}/to{other}").symlink_to(f"../{other}")
    assert len(names(Walk(["in"], follow=True))) == 1
