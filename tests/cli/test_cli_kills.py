"""SIGKILL at random moments, each followed by a resume: nothing lost, repeated, torn or left."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from support.results import TREES, Record, files, parsed, without

EARLY = 3
"""One kill of so many hits before the first record of its run."""


def make_images(folder: Path, count: int) -> None:
    """Images of which one in nine is cut short."""
    rng = np.random.default_rng(7)
    for number in range(count):
        path = folder / f"{number % 7}" / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(path)
        if number % 9 == 4:
            path.write_bytes(path.read_bytes()[:1000])


def start(images: Path, output: Path) -> "subprocess.Popen[bytes]":
    options = ("--steps", "10", "--batch-size", "16", "--gif", "--arrays", "-q")
    command = [sys.executable, "-m", "igcli", "attribute", images, "--output", output, *options]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)


def results(output: Path) -> dict[str, bytes]:
    every = files(output, TREES).items()
    return {name: data for name, data in every if not name.endswith(".tmp")}


def records(output: Path) -> list[Record]:
    """All records without their times; a last line may be torn."""
    path = output / "results.jsonl"
    whole, _, _ = (path.read_bytes() if path.exists() else b"").rpartition(b"\n")
    return [without(record, "seconds") for record in parsed(whole)]


def as_set(entries: list[dict[str, Any]]) -> set[str]:
    return {json.dumps(record, sort_keys=True) for record in entries}


def kill_at_random(images: Path, output: Path, rng: random.Random, *, early: bool) -> bool:
    """Start a run and kill it; tell whether it was after its first record."""
    before = len(records(output))
    process = start(images, output)
    end = time.monotonic() + (rng.uniform(0, 8) if early else 600)
    enough = before + (1 if early else rng.randrange(1, 4))
    while process.poll() is None and time.monotonic() < end and len(records(output)) < enough:
        time.sleep(0.002)
    time.sleep(rng.uniform(0, 0.05))
    assert process.poll() is None, "the run ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    return len(records(output)) > before


@pytest.mark.parametrize(
    ("images", "kills"), [(8, 2), pytest.param(100, 30, marks=pytest.mark.full)]
)
def test_a_run_survives_being_killed(tmp_path: Path, images: int, kills: int) -> None:
    rng = random.Random(images)
    folder, whole, output = (tmp_path / name for name in ("images", "whole", "killed"))
    make_images(folder, images)
    assert start(folder, whole).wait() == 3
    expected = results(whole)
    after_first = 0
    for number in range(kills):
        late = kill_at_random(folder, output, rng, early=number % EARLY == 0)
        after_first += late
        # What is seen under its name is whole at any time, and no image is recorded twice.
        written = results(output)
        assert all(expected[name] == data for name, data in written.items())
        names = [record["image"] for record in records(output)]
        assert len(names) == len(set(names))
        for record in records(output):
            assert record["status"] == "failed" or {record[f] for f in ("panel", "gif")} <= {
                *written
            }
    assert start(folder, output).wait() == 3
    assert results(output) == expected
    assert len(records(output)) == len(records(whole)) == images
    assert as_set(records(output)) == as_set(records(whole))
    assert {path.name for path in output.iterdir()} == {path.name for path in whole.iterdir()}
    assert not list(output.rglob(".igcli-*"))
    assert after_first >= kills * 2 // 3
    print(f"{kills} kills survived, {after_first} of them after the first record")  # noqa: T201
