"""Runs on several devices: the files of one, whatever happens to a device.

TensorFlow divides the CPU once for a whole process, so the runs share a process of their own.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.image_files import write_image

BATCHES = 8
"""Batch size of all runs."""

RUNS = """
import io, json, sys, threading
from igcli.models.runtime import tensorflow, warn_without_gpu

tf = tensorflow()
[cpu] = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)

from igcli.cli import main
from igcli.errors import OutOfMemoryError
from igcli.models.network.network import TensorFlowNetwork

real = TensorFlowNetwork.gradients
batches, failing, lock = {}, [], threading.Lock()

def gradients(self, points, **wanted):
    with lock:
        batches[self.device] = batches.get(self.device, 0) + 1
        if name.endswith("one fails") and sum(batches.values()) == 4:
            failing.append(self.device)
    if self.device in failing:
        with self._computing():
            raise tf.errors.InternalError(None, None, "the device fell off the bus\\nmore")
    if "all fail" in name:
        with self._computing():
            raise tf.errors.UnavailableError(None, None, "gone")
    if "memory" in name and self.device == "CPU:0" and len(points.line) > 4:
        with self._computing():
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    return real(self, points, **wanted)

TensorFlowNetwork.gradients = gradients
for name, arguments in json.load(sys.stdin).items():
    batches.clear()
    failing.clear()
    warn_without_gpu.cache_clear()
    sys.argv = ["igcli", *arguments]
    sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO()), io.StringIO()
    code = main()
    out, said = sys.stdout.buffer.getvalue().decode(), sys.stderr.getvalue()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    print(json.dumps([name, code, out.splitlines(), said.splitlines(), batches]))

from igcli.models.network.device_arrays import AcceleratorArrays
arrays = AcceleratorArrays("CPU:1")
placed = arrays.place(tf.ones((4, 2)).numpy())
rows = arrays.rows(placed, slice(1, 3))
total = arrays.accumulate(None, rows, tf.ones(2).numpy())
where = {"placed": placed.device, "rows": rows.device, "total": total.device}
print(json.dumps(["arrays", 0, [], [], where]))
"""


@dataclass(frozen=True)
class Run:
    """What became of a run.

    Attributes:
        code: Exit code.
        out: Lines on standard output.
        said: Lines on standard error.
        batches: Number of batches of gradients that each device was given; of "arrays", where each
            array was.
        output: Its folder.
    """

    code: int
    out: list[str]
    said: list[str]
    batches: dict[str, Any]
    output: Path

    @property
    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads((self.output / "summary.json").read_text())
        return summary

    @property
    def files(self) -> dict[str, bytes]:
        """The panels, GIFs and arrays by name."""
        folders = ("panels", "gifs", "arrays")
        paths = (path for folder in folders for path in (self.output / folder).rglob("*.*"))
        return {str(path.relative_to(self.output)): path.read_bytes() for path in paths}

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """The records by image, without how long each took."""
        lines = (self.output / "results.jsonl").read_text().splitlines()
        records = (json.loads(line) for line in lines)
        return {record.pop("image"): {**record, "seconds": 0} for record in records}


METHODS = [
    *("integrated_gradients", "guided_integrated_gradients", "grad_cam", "expected_gradients"),
    *("gradients", "rise"),
]
MANY = ["--gif", "--panel-columns", ",".join(["image", *METHODS]), "--steps", "11"]
AUTO = ["--steps", "auto", "--tolerance", "0.001", "--baseline", "noise"]
OPTIONS = {
    "many, one": [*MANY, "--device", "cpu"],
    "many, two": [*MANY, "--device", "cpu:0,3"],
    "many, four": [*MANY, "--device", "all"],
    "many, one fails": [*MANY, "--device", "all"],
    "many, little memory": [*MANY, "--device", "all"],
    "auto, one": [*AUTO, "--device", "cpu:0"],
    "auto, four": [*AUTO, "--device", "all"],
    "all fail": ["--device", "cpu:1,2"],
    "unknown": ["--device", "cpu:1,4"],
}
IMAGES = 6


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("devices")
    for number in range(IMAGES):
        write_image(folder / "images" / f"{number:02}.png", number)
    base = ["attribute", "images", "--model", str(tiny_model), "--batch-size", str(BATCHES)]
    base += ["--arrays", "--expected-gradients-folder", "images"]
    base += ["--expected-gradients-samples", "6", "--rise-masks", "64"]
    commands = {name: [*base, *own, "--output", name] for name, own in OPTIONS.items()}
    commands["continued"] = [*base, *AUTO, "--device", "all", "--output", "auto, one"]
    for name, device in {"auto, one": "cpu", "auto, four": "all"}.items():
        commands[f"evaluated {name}"] = ["evaluate", name, "--device", device, "-q"]
        sanity = ["sanity", str(tiny_model), "images", "--limit", "2", "--json", "-q"]
        commands[f"sanity {name}"] = [*sanity, "--device", device]
    done = subprocess.run(
        [sys.executable, "-c", RUNS],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, *_ in results] == [*commands, "arrays"]
    return {
        name: Run(code, out, said, batches, folder / name)
        for name, code, out, said, batches in results
    }


@pytest.mark.parametrize(
    "name",
    [
        *("many, two", "many, four", "many, one fails", "many, little memory", "auto, four"),
    ],
)
def test_files_and_records_are_those_of_one_device(runs: dict[str, Run], name: str) -> None:
    kind, _, _ = name.partition(",")
    one, several = runs[f"{kind}, one"], runs[name]
    assert (one.code, several.code) == (0, 0)
    assert len(one.files) == (3 if kind == "many" else 2) * IMAGES
    assert several.files == one.files
    assert several.records == one.records


@pytest.mark.parametrize(
    ("name", "devices"),
    [
        ("many, two", "CPU:0, CPU:3"),
        ("many, four", "CPU:0, CPU:1, CPU:2, CPU:3"),
        ("auto, four", "CPU:0, CPU:1, CPU:2, CPU:3"),
    ],
)
def test_several_devices_take_part_and_all_are_named(
    runs: dict[str, Run], name: str, devices: str
) -> None:
    run = runs[name]
    assert {*run.batches} <= {*devices.split(", ")}
    assert len(run.batches) >= 2  # A fast one may be free before the last one is needed.
    assert run.summary["device"] == devices
    [announced] = [line for line in run.said if "tiny.keras on " in line]
    assert announced.endswith(f"tiny.keras on {devices}")
    assert f" s on {devices}, in " in run.said[-1]


@pytest.mark.parametrize(
    ("name", "warnings"),
    [("many, four", 1), ("auto, four", 1), ("many, two", 0), ("auto, one", 0)],
)
def test_all_where_there_is_no_gpu_gets_one_warning(
    runs: dict[str, Run], name: str, warnings: int
) -> None:
    about_gpus = [line for line in runs[name].said if "GPU" in line]
    assert about_gpus == warnings * [
        "igcli: device all: there is no GPU, so the CPU is used; install igcli[cuda] if the "
        "machine has an NVIDIA GPU"
    ]


def test_a_device_that_fails_is_named_and_the_run_goes_on(runs: dict[str, Run]) -> None:
    run = runs["many, one fails"]
    [warning] = [line for line in run.said if "fell off the bus" in line]
    match = re.fullmatch(
        r"igcli: model: failed on (CPU:[0-3]): the device fell off the bus; "
        r"the run goes on without this device",
        warning,
    )
    assert match is not None
    names = [f"CPU:{number}" for number in range(4)]
    marked = [f"{name} (lost)" if name == match[1] else name for name in names]
    assert run.summary["device"] == ", ".join(marked)


def test_what_one_device_has_no_memory_for_is_computed_by_others(runs: dict[str, Run]) -> None:
    run = runs["many, little memory"]
    assert [line for line in run.said if "memory" in line and "in /" not in line] == [
        f"igcli: out of memory on CPU:0: the other devices compute batches of {BATCHES}"
    ]
    assert run.summary["batch_size"] == BATCHES
    assert run.summary["device"] == "CPU:0, CPU:1, CPU:2, CPU:3"


def test_a_run_without_devices_ends_with_one_line(runs: dict[str, Run]) -> None:
    run = runs["all fail"]
    assert run.code == 1
    failures = [line for line in run.said if "failed on CPU" in line]
    assert failures == run.said[-2:]
    assert failures[0].endswith(": gone; the run goes on without this device")
    assert failures[1].endswith(": gone")
    assert run.summary["finished"] is False
    assert run.summary["device"] == "CPU:1 (lost), CPU:2 (lost)"


def test_a_device_that_is_not_there_is_refused(runs: dict[str, Run]) -> None:
    run = runs["unknown"]
    message = "--device: there is no cpu:4: TensorFlow sees cpu:0, cpu:1, cpu:2, cpu:3"
    assert (run.code, run.said[-1]) == (2, f"igcli: {message}")


def test_a_run_is_continued_on_other_devices(runs: dict[str, Run]) -> None:
    run = runs["continued"]
    assert run.code == 0
    assert f"{IMAGES} of {IMAGES} images done ({IMAGES} already done)" in run.said[-1]


def test_evaluations_are_those_of_one_device(runs: dict[str, Run]) -> None:
    lines = []
    for name in ("auto, one", "auto, four"):
        assert runs[f"evaluated {name}"].code == 0
        text = (runs[name].output / "evaluation.jsonl").read_text()
        lines.append(sorted(text.splitlines()))
    assert lines[0] == lines[1]
    assert len(lines[0]) >= IMAGES


def test_randomized_networks_give_the_same_on_several_devices(runs: dict[str, Run]) -> None:
    one, four = (runs[f"sanity {name}"] for name in ("auto, one", "auto, four"))
    assert one.code == four.code
    assert len(four.batches) >= 2
    records = [
        {(record["image"], record["layers"]): record for record in map(json.loads, run.out[:-1])}
        for run in (one, four)
    ]
    assert records[0] == records[1]
    assert len(records[0]) >= 3


def test_arrays_are_cut_where_they_are(runs: dict[str, Run]) -> None:
    places = runs["arrays"].batches
    assert {place.rpartition("/device:")[2] for place in places.values()} == {"CPU:1"}
    assert len(places) == 3
