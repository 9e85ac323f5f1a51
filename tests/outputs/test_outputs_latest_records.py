import os
import threading
from pathlib import Path

import pytest

from igcli.outputs.journal import NAME, Journal
from igcli.outputs.latest_records import RecordIndex
from igcli.outputs.local_folder import LocalFolder


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    return LocalFolder(os.fspath(tmp_path))


def test_there_are_none_without_a_file(output: LocalFolder) -> None:
    with RecordIndex(output) as index:
        assert index.find("a.jpg") is None


def test_the_last_record_of_an_image_counts(output: LocalFolder) -> None:
    names = [f"{n % 70}/\udcff\n{n % 70}.jpg" for n in range(200)]
    with Journal(output) as journal:
        for number, name in enumerate(names):
            journal.append({"image": name, "status": "ok", "seconds": number})
    with RecordIndex(output) as index, Journal(output) as journal:
        journal.append({"image": names[0], "seconds": -1})
        for name in set(names):
            last = max(number for number, other in enumerate(names) if other == name)
            found = index.find(name)
            assert found is not None
            assert (found["image"], found["seconds"]) == (name, last)
        assert index.find("0") is None


def test_other_lines_are_left_out(output: LocalFolder, tmp_path: Path) -> None:
    lines = [
        b'{"image": "a", "status": "ok"}\n', b"\n", b"nonsense\n", b'["image"]\n', b"null\n",
        b'{"image": 7}\n', b"[" * 100_000 + b"\n", b"\xff\xfe\n", b'{"image": "b"}\n',
        b'{"image": "a", "torn": true}',
    ]  # fmt: skip
    (tmp_path / NAME).write_bytes(b"".join(lines))
    with RecordIndex(output) as index:
        assert index.find("a") == {"image": "a", "status": "ok"}
        assert index.find("b") == {"image": "b"}


def test_equal_hashes_are_told_apart(output: LocalFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igcli.outputs.latest_records.hash", lambda _: 5, raising=False)
    with Journal(output) as journal:
        for name in ("a", "b", "a", "c"):
            journal.append({"image": name})
    with RecordIndex(output) as index:
        assert [index.find(name) is not None for name in "abcd"] == [True, True, True, False]


def test_many_threads_find(output: LocalFolder) -> None:
    with Journal(output) as journal:
        for number in range(300):
            journal.append({"image": str(number), "seconds": number})
    wrong = []
    with RecordIndex(output) as index:

        def look() -> None:
            for number in range(300):
                found = index.find(str(number))
                if found is None or found["seconds"] != number:
                    wrong.append(number)

        threads = [threading.Thread(target=look) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
