import json
import os
import random
import threading
from pathlib import Path
from typing import Any

import pytest

from igcli.outputs import latest_records
from igcli.outputs.journal import NAME, Journal
from igcli.outputs.latest_records import RecordIndex, latest_lines
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
            record = index.find(name)
            assert record is not None
            assert (record["image"], record["seconds"]) == (name, last)
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

        def find_all() -> None:
            for number in range(300):
                record = index.find(str(number))
                if record is None or record["seconds"] != number:
                    wrong.append(number)

        threads = [threading.Thread(target=find_all) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def sorted_records(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = (json.dumps(record).encode() + b"\n" for record in records)
    return [json.loads(line) for line in latest_lines(lines)]


@pytest.mark.parametrize("block", [1, 500, 1 << 20])
def test_the_last_record_of_each_image_in_order(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(latest_records, "BLOCK", block)
    names = [
        "a",
        "a b",
        "a/b",
        "a.jpg",
        "ab",
        "ä",
        "\udcff",
        "\ud800",
        "new\nline",
        "",
        "\U0001f600",
    ]
    rng = random.Random(0)
    records = [{"image": rng.choice(names), "number": number} for number in range(60)]
    last = {str(record["image"]): record for record in records}
    expected = [
        last[name] for name in sorted(last, key=lambda n: n.encode("utf-8", "surrogatepass"))
    ]
    assert sorted_records(records) == expected


def test_what_names_no_image_is_left_out() -> None:
    assert sorted_records([{"image": 3}, {}, {"image": None}]) == []
    assert sorted_records([]) == []
    lines = [b"\n", b"[]\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"image": "torn"}']
    assert list(latest_lines(lines)) == []
