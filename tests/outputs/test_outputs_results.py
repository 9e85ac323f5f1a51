import os
from pathlib import Path

import numpy as np
import pytest

from igcli.errors import ImageError, OutputError, UsageError
from igcli.outputs.arrays import read_array
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from support.runs import CONFIG, SUMMARY, arrays, failed, ok, write_run


def folder(path: Path) -> LocalFolder:
    return LocalFolder(os.fspath(path))


def test_what_a_run_wrote_is_read_back(tmp_path: Path) -> None:
    records = [ok("a"), failed("b \udcff", "no"), ok("a", score=0.25)]
    results = read_results(folder(write_run(tmp_path, records)))
    assert dict(results.records) == {"a": records[2], "b \udcff": records[1]}
    assert (results.is_torn, results.stray_lines) == (False, 0)
    assert results.summary == SUMMARY
    assert results.config == CONFIG


@pytest.mark.parametrize("name", ["missing", "empty", "file", "elsewhere"])
def test_what_is_no_output_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "results.jsonl").symlink_to(tmp_path / "file")
    with pytest.raises(UsageError, match=r"holds no results\.jsonl"):
        read_results(folder(tmp_path / name))


def test_a_broken_summary_says_nothing(tmp_path: Path) -> None:
    write_run(tmp_path, [ok("a")])
    (tmp_path / "summary.json").write_text("{")
    assert read_results(folder(tmp_path)).summary == {}


def test_arrays_are_read_back(tmp_path: Path) -> None:
    expected = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    (tmp_path / "a.npz").write_bytes(arrays(expected))
    np.testing.assert_array_equal(
        read_array(folder(tmp_path), "a.npz", "attributions"), expected, strict=True
    )


def test_broken_arrays_are_one_line(tmp_path: Path) -> None:
    whole = arrays(np.zeros((9, 9, 3), np.float32))
    objects = arrays(np.array([None], dtype=object))
    broken = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"hello",
        "mangled": whole[:60] + b"\xff" * 40 + whole[100:],
        "objects": objects,
        "plain": b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }",
    }
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
        start = f"cannot read array 'attributions' from '{name}'"
        with pytest.raises(ImageError, match=start) as error:
            read_array(folder(tmp_path), name, "attributions")
        assert "pickle" not in str(error.value)
    (tmp_path / "whole").write_bytes(whole)
    with pytest.raises(ImageError, match="cannot read array 'other'"):
        read_array(folder(tmp_path), "whole", "other")
    with pytest.raises(OutputError, match="No such file"):
        read_array(folder(tmp_path), "gone", "attributions")
