import os
from pathlib import Path

import pytest

from igcli.errors import OutputError, UsageError
from igcli.outputs import run_files
from igcli.outputs.cleanup import clear
from igcli.outputs.exclusive_access import refuse_existing
from igcli.outputs.journal import Journal
from igcli.outputs.local_folder import LocalFolder

OURS = [
    "panels/cats/a.jpg",
    "panels/b.png",
    "gifs/cats/a.gif",
    "arrays/a.npz",
    "panels/cats/.igcli-0123456789abcdef.tmp",
    ".igcli-0123456789abcdef.tmp",
    "summary.json",
]
THEIRS = ["notes.txt", "panels/cats/notes.txt", "arrays/x.csv", "mine/a.jpg", "panels2/a.jpg"]


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    return LocalFolder(os.fspath(tmp_path / "out"))


def make(output: LocalFolder, *names: str) -> Path:
    for name in names:
        path = Path(output.path, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return Path(output.path)


def finished_run(output: LocalFolder) -> None:
    output.create()
    with Journal(output) as journal:
        journal.append({"image": "cats/a.jpg", "status": "ok"})
    run_files.write_config(output, "steps: 50\n")
    make(output, *OURS)


def remaining(output: LocalFolder) -> set[str]:
    top = Path(output.path)
    return {
        os.fspath(p.relative_to(top)) for p in top.rglob("*") if p.is_symlink() or not p.is_dir()
    }


@pytest.mark.parametrize("exists", [False, True])
def test_a_missing_or_empty_output_is_free(output: LocalFolder, exists: bool) -> None:
    if exists:
        output.create()
    refuse_existing(output, "error")
    refuse_existing(output, "overwrite")


def test_one_that_is_not_empty_is_refused_unless_overwriting(output: LocalFolder) -> None:
    finished_run(output)
    with pytest.raises(UsageError, match=r"is not empty; .*--on-existing overwrite"):
        refuse_existing(output, "error")
    refuse_existing(output, "overwrite")
    assert remaining(output) == {*OURS, "results.jsonl", "config.yaml"}


def test_overwriting_removes_what_igcli_wrote_and_nothing_else(output: LocalFolder) -> None:
    finished_run(output)
    make(output, *THEIRS)
    refuse_existing(output, "overwrite")
    clear(output)
    assert remaining(output) == set(THEIRS)
    assert not Path(output.path, "gifs").exists()


@pytest.mark.parametrize(
    "names",
    [
        ["notes.txt"],
        ["config.yaml"],
        ["config.yaml", "panels/a.jpg"],
        ["results.jsonl"],
        ["summary.json"],
        ["panels/a.jpg", "notes.txt"],
        [".hidden"],
        ["panels/a.jpg"],
    ],
)
def test_a_folder_of_somebody_else_is_never_overwritten(
    output: LocalFolder, names: list[str]
) -> None:
    make(output, *names)
    with pytest.raises(UsageError, match="was not written by igcli"):
        refuse_existing(output, "overwrite")


def test_records_alone_tell_a_run(output: LocalFolder) -> None:
    make(output, "notes.txt", "panels/a.jpg")
    Path(output.path, "results.jsonl").write_text('{"image": "a.jpg", "label": "cat"}\n')
    with pytest.raises(UsageError, match="was not written by igcli"):
        refuse_existing(output, "overwrite")
    Path(output.path, "results.jsonl").write_text('{"image": "a.jpg", "status": "failed"}\n')
    refuse_existing(output, "overwrite")


def test_a_run_killed_before_its_first_record_is_known(output: LocalFolder) -> None:
    output.create()
    make(output, ".igcli-0123456789abcdef.tmp")
    refuse_existing(output, "overwrite")
    Journal(output).__exit__()
    refuse_existing(output, "overwrite")
    run_files.write_config(output, "steps: 50\n")
    refuse_existing(output, "overwrite")
    clear(output)
    assert remaining(output) == set()


def test_links_are_not_followed_when_clearing(output: LocalFolder, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "a.jpg").touch()
    finished_run(output)
    Path(output.path, "panels/link").symlink_to(victim)
    Path(output.path, "panels/link.jpg").symlink_to(victim / "a.jpg")
    (Path(output.path, "gifs/cats/a.gif")).unlink()
    Path(output.path, "gifs/cats").rmdir()
    Path(output.path, "gifs").rmdir()
    Path(output.path, "gifs").symlink_to(victim)
    clear(output)
    assert (victim / "a.jpg").exists()
    assert remaining(output) == {"panels/link", "gifs"}


def test_odd_things_under_our_names(output: LocalFolder) -> None:
    finished_run(output)
    Path(output.path, "arrays/a.npz").unlink()
    Path(output.path, "arrays").rmdir()
    os.mkfifo(f"{output.path}/arrays")
    (Path(output.path) / "panels/folder.jpg/deep").mkdir(parents=True)
    clear(output)
    assert [path.name for path in Path(output.path).iterdir()] == ["arrays"]


def test_an_output_that_cannot_be_listed_is_refused(ordinary_user: Path) -> None:
    (ordinary_user / "out").mkdir(mode=0o300)
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        refuse_existing(LocalFolder(f"{ordinary_user}/out"), "error")


def test_what_cannot_be_removed_ends_the_run(ordinary_user: Path) -> None:
    output = LocalFolder(f"{ordinary_user}/out")
    finished_run(output)
    Path(output.path, "panels/cats").chmod(0o500)
    with pytest.raises(OutputError, match="cannot be removed: Permission denied"):
        clear(output)


def test_resuming_goes_on_in_ones_own_folders_alone(output: LocalFolder) -> None:
    refuse_existing(output, "resume")
    finished_run(output)
    make(output, *THEIRS)
    refuse_existing(output, "resume")
    Path(output.path, "results.jsonl").unlink()
    Path(output.path, "config.yaml").unlink()
    with pytest.raises(UsageError, match=r"was not written by igcli .* and is left alone"):
        refuse_existing(output, "resume")


def test_a_run_killed_with_nothing_but_its_lock_is_known(output: LocalFolder) -> None:
    output.create()
    make(output, ".igcli-lock", ".igcli-0123456789abcdef-0.tmp")
    refuse_existing(output, "resume")
