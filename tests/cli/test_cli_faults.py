"""Runs that are stopped, or lose their output, input or memory: real processes, one line each."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Result

from igcli.errors import OutOfMemoryError
from igcli.integration.network import PointGradients, Points
from igcli.models.network.network import TensorFlowNetwork
from support.image_files import write_image
from support.results import records, summary

Again = Callable[[], Result]
Start = Callable[..., "subprocess.Popen[str]"]
RUN = """
import signal, sys, time
from igcli.cli import main
from igcli.models.network import network

signal.signal(signal.SIGINT, signal.default_int_handler)  # A shell's "&" ignores it.
real, batches = network.TensorFlowNetwork.gradients, []

def gradients(self, points, **wanted):
    batches.append(len(points.line))
    {patch}
    return real(self, points, **wanted)

network.TensorFlowNetwork.gradients = gradients
sys.argv = ["igcli", *sys.argv[1:]]
sys.exit(main())
"""
SLOW_LATER = "if len(batches) > 4: time.sleep(30)"
STEADY = "time.sleep(0.05)"
HOLD = """
import sys, time
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.lock import Lock
folder = LocalFolder(sys.argv[1])
folder.create()
with Lock(folder):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    for number in range(40):
        write_image(folder / f"{number:02}.png", number)
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def arguments(images: Path, output: Path, tiny_model: Path) -> list[str]:
    settings = ["--model", str(tiny_model), "--steps", "8", "--batch-size", "9"]
    return ["attribute", str(images), "--output", str(output), *settings]


@pytest.fixture
def again(cli: Cli, arguments: list[str]) -> Again:
    """Run the same command in this process."""
    return lambda: cli(*arguments)


@pytest.fixture
def start(arguments: list[str]) -> Iterator[Start]:
    """Start a run as a process of its own, the network's batches patched."""
    started = []

    def run(patch: str, *options: str, **how: Any) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", RUN.format(patch=patch), *arguments, *options],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def leftovers(output: Path) -> list[str]:
    return [path.name for path in output.rglob(".igcli-*")]


def first_line(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    assert process.stdout.readline()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_is_stopped_within_five_seconds_of_a_slow_batch(
    start: Start, again: Again, output: Path, number: int, code: int
) -> None:
    process = start(SLOW_LATER)
    first_line(process)
    time.sleep(0.5)
    before = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    assert time.monotonic() - before < 5
    assert process.returncode == code
    [line] = [line for line in err.splitlines() if "stopped" in line]
    totals = summary(output)
    done = records(output)
    assert not totals["finished"]
    assert 0 < totals["done"] == len(done) < 40
    assert f"stopped; {len(done)} of 40 images done" in line
    assert "Traceback" not in err
    assert all((output / record["panel"]).is_file() for record in done.values())
    assert leftovers(output) == []
    resumed = again()
    assert (resumed.code, len(records(output))) == (0, 40)
    assert f"({len(done)} already done)" in resumed.err


def test_a_second_interrupt_leaves_at_once(start: Start) -> None:
    process = start(SLOW_LATER)
    first_line(process)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    before = time.monotonic()
    process.communicate(timeout=120)
    assert time.monotonic() - before < 2
    assert process.returncode == 130


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_pipe_that_is_closed_ends_the_run_quietly(
    start: Start, output: Path, options: list[str]
) -> None:
    process = start(STEADY, *options)
    first_line(process)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(timeout=120)
    assert process.returncode == 141
    assert "Traceback" not in err
    assert "Broken" not in err
    assert not summary(output)["finished"]
    assert 0 < len(records(output)) < 40
    assert leftovers(output) == []


def test_a_second_run_is_refused_before_tensorflow(arguments: list[str], output: Path) -> None:
    script = (
        "import sys; from igcli.cli import main; "
        f"sys.argv = ['igcli', *{arguments!r}]; "
        "code = main(); print('tensorflow' in sys.modules); sys.exit(code)"
    )
    hold = [sys.executable, "-c", HOLD, str(output)]
    with subprocess.Popen(hold, stdout=subprocess.PIPE, text=True) as first:
        first_line(first)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        second = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        first.kill()
    assert (second.returncode, second.stdout) == (1, "False\n")
    [line] = second.stderr.splitlines()
    assert f"is in use by process {first.pid} on {os.uname().nodename}" in line
    assert seconds < 1  # Of the processor: the machine may be busy.


def test_a_device_without_memory_gets_less_and_the_run_goes_on(
    again: Again, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = TensorFlowNetwork.gradients

    def gradients(self: TensorFlowNetwork, points: Points, **wanted: Any) -> PointGradients:
        if len(points.line) > 3:
            raise OutOfMemoryError("too much")
        return real(self, points, **wanted)

    monkeypatch.setattr(TensorFlowNetwork, "gradients", gradients)
    result = again()
    assert result.code == 0
    assert [line for line in result.err.splitlines() if "of memory" in line] == [
        "igcli: out of memory: halving batch_size 9",
        "igcli: out of memory: halving batch_size 4",
    ]
    assert summary(output)["batch_size"] == 2
    assert len(records(output)) == 40


def small_files() -> None:
    """Let no file grow beyond 6,000 bytes, as if the disk were full."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, resource.RLIM_INFINITY))


def test_a_full_disk_ends_the_run_with_one_line(start: Start, again: Again, output: Path) -> None:
    process = start("pass", preexec_fn=small_files)
    out, err = process.communicate(timeout=120)
    said = [line for line in err.splitlines() if "cannot be written" in line]
    assert (process.returncode, len(said)) == (1, 1)
    assert "Traceback" not in err
    assert leftovers(output) == []
    text = (output / "results.jsonl").read_text()
    assert text == "" or text.endswith("\n")
    assert len(out.splitlines()) == len(records(output))
    assert (again().code, len(records(output))) == (0, 40)


def test_an_output_that_vanishes_ends_the_run_with_one_line(
    start: Start, again: Again, output: Path
) -> None:
    process = start(STEADY)
    first_line(process)
    output.rename(output.parent / "moved")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert len([line for line in err.splitlines() if "cannot be written" in line]) == 1
    assert "Traceback" not in err
    assert not output.exists()
    (output.parent / "moved").rename(output)
    assert (again().code, len(records(output))) == (0, 40)
    assert leftovers(output) == []


def test_input_that_changes_or_vanishes_is_a_failed_record(
    start: Start, output: Path, images: Path
) -> None:
    process = start(STEADY)
    first_line(process)
    (images / "37.png").unlink()
    (images / "38.png").write_bytes((images / "38.png").read_bytes()[:400])
    (images / "39.png").write_bytes(b"")
    _, err = process.communicate(timeout=120)
    assert (process.returncode, "Traceback" in err) == (3, False)
    results = records(output)
    errors = {name: record["error"] for name, record in results.items() if "error" in record}
    assert errors == {
        "37.png": "cannot be read: No such file or directory",
        "38.png": "truncated image: the file ends after 400 bytes",
        "39.png": "empty file",
    }
    assert len(results) == 40
