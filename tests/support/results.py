"""The files of a run, read back without the code under test."""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

Record = dict[str, Any]
TREES = ("panels", "gifs", "arrays")
"""Folders of an output that hold one file per image."""


def parsed(results: bytes) -> list[Record]:
    """Return the records in the bytes of a results.jsonl."""
    return [json.loads(line) for line in results.splitlines()]


def lines(output: Path) -> list[Record]:
    """Return the records of a run in the order of its results.jsonl."""
    return parsed((output / "results.jsonl").read_bytes())


def records(output: Path) -> dict[str, Record]:
    """Return the records of a run by image; the last record of an image wins."""
    return {record["image"]: record for record in lines(output)}


def without(record: Record, *keys: str) -> Record:
    """Return a record without some keys."""
    return {key: value for key, value in record.items() if key not in keys}


def timeless(output: Path) -> dict[str, Record]:
    """Return the records of a run by image, without the times that differ between equal runs."""
    return {name: without(record, "seconds") for name, record in records(output).items()}


def record(output: Path) -> Record:
    """Return the record of a run over one image."""
    [only] = lines(output)
    return only


def summary(output: Path) -> Record:
    """Return the summary of a run."""
    values: Record = json.loads((output / "summary.json").read_text())
    return values


def arrays(output: Path, name: str) -> dict[str, Any]:
    """Return the arrays of an image by the name of their file."""
    with np.load(output / "arrays" / name) as file:
        return dict(file)


def files(folder: Path, trees: Collection[str] = ("",)) -> dict[str, bytes]:
    """Return the files below a folder, or below some of its folders, by their relative paths."""
    paths = (path for tree in trees for path in (folder / tree).rglob("*") if path.is_file())
    return {os.fspath(path.relative_to(folder)): path.read_bytes() for path in paths}
