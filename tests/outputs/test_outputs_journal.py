import json
import os
from pathlib import Path

import numpy as np
import pytest

from igcli.errors import OutputError
from igcli.outputs import journal, run_files
from igcli.outputs.journal import Journal, to_json
from igcli.outputs.local_folder import LocalFolder
from support.limits import files_up_to


def text(output: LocalFolder) -> bytes:
    return Path(output.path, "results.jsonl").read_bytes()


def test_records_are_appended_a_line_each(output: LocalFolder) -> None:
    with Journal(output) as open_journal:
        open_journal.append({"image": "a.jpg", "status": "ok"})
        assert text(output) == b'{"image": "a.jpg", "status": "ok"}\n'
        open_journal.append({"image": "b.jpg", "warnings": ["one", "two"]})
    with Journal(output) as open_journal:
        open_journal.append({"image": "c.jpg"})
    assert [record["image"] for record in journal.read(output)] == ["a.jpg", "b.jpg", "c.jpg"]


def test_names_that_are_not_utf_8_survive(output: LocalFolder) -> None:
    name = os.fsdecode(b"\xff\xc3\xa9\n\x1b.jpg")
    with Journal(output) as open_journal:
        open_journal.append({"image": name})
    assert text(output) == b'{"image": "\\udcff\\u00e9\\n\\u001b.jpg"}\n'
    [record] = journal.read(output)
    assert os.fsencode(record["image"]) == b"\xff\xc3\xa9\n\x1b.jpg"


def test_numbers_that_json_does_not_know_are_null() -> None:
    numbers = [np.nan, float("inf"), -np.float32("inf"), np.float32(0.5), np.int64(7), np.bool_(1)]
    assert to_json({"a": numbers, "b": {"c": float("nan")}, "d": (1, True, None)}) == (
        '{"a": [null, null, null, 0.5, 7, true], "b": {"c": null}, "d": [1, true, null]}'
    )


@pytest.mark.parametrize("torn", [b'{"image": "b', b"{", b"x" * 200_000])
def test_a_torn_last_line_is_passed_over_and_mended(output: LocalFolder, torn: bytes) -> None:
    whole = b'{"image": "a.jpg"}\n'
    Path(output.path, "results.jsonl").write_bytes(whole + torn)
    assert list(journal.read(output)) == [{"image": "a.jpg"}]
    with Journal(output) as open_journal:
        assert text(output) == whole
        open_journal.append({"image": "c.jpg"})
    assert text(output) == whole + b'{"image": "c.jpg"}\n'


def test_a_line_without_its_end_is_torn_though_it_can_be_read(output: LocalFolder) -> None:
    Path(output.path, "results.jsonl").write_bytes(b'{"image": "a.jpg"}\n{"image": "b.jpg"}')
    assert list(journal.read(output)) == [{"image": "a.jpg"}]


def test_nothing_but_a_torn_line(output: LocalFolder) -> None:
    Path(output.path, "results.jsonl").write_bytes(b'{"imag')
    Journal(output).__exit__()
    assert text(output) == b""


def test_lines_that_are_no_records_are_passed_over(output: LocalFolder) -> None:
    Path(output.path, "results.jsonl").write_bytes(b'\xff\n[1]\n\nnull\n{"image": "a.jpg"}\n')
    assert list(journal.read(output)) == [{"image": "a.jpg"}]


def test_records_that_are_not_there(output: LocalFolder) -> None:
    assert not journal.exists(output)
    assert list(journal.read(output)) == []


def test_a_full_disk_tears_no_line(output: LocalFolder) -> None:
    with Journal(output) as open_journal, files_up_to(100):
        open_journal.append({"image": "a.jpg"})
        with pytest.raises(
            OutputError, match=r"^results\.jsonl cannot be written: the disk is full"
        ):
            open_journal.append({"image": "b" * 200})
        assert text(output) == b'{"image": "a.jpg"}\n'
        open_journal.append({"image": "c.jpg"})
    assert len(list(journal.read(output))) == 2


def test_the_summary_is_json_and_the_configuration_yaml(output: LocalFolder) -> None:
    run_files.write_summary(output, {"done": 3, "error": float("nan"), "name": "\udcff"})
    written = Path(output.path, "summary.json").read_bytes()
    assert written.endswith(b"}\n")
    assert json.loads(written) == {"done": 3, "error": None, "name": "\udcff"}
    run_files.write_config(output, "steps: 50\noutput: é\udcff\n")
    lines = Path(output.path, "config.yaml").read_bytes().splitlines()
    assert lines[0].startswith(b"# Written by igcli")
    assert lines[1:] == [b"steps: 50", b"output: \xc3\xa9\xff"]


def test_parts_are_joined_behind_the_records_that_are_there(output: LocalFolder) -> None:
    with Journal(output) as opened:
        opened.append({"image": "a"})
    for part in ("2", "1"):
        with Journal(output, part=part) as opened:
            opened.append({"image": part})
    with output.open_to_append("records/1.jsonl") as torn:
        torn.write(b'{"image": "to')
    journal.join(output)
    journal.join(output)
    assert [record["image"] for record in journal.read(output)] == ["a", "1", "2"]
    assert output.names("records") == []
