"""Runs on workers that Ray keeps: the files of a local run, whatever dies."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from PIL import Image

from igcli.errors import UsageError
from igcli.models.runtime import warn_without_gpu
from igcli.pipeline.distributed.cluster import worker_resources
from support import onnx_networks
from support.results import TREES, Record, files, lines, summary, timeless

pytest.importorskip("ray")

PATIENCE = 400
MARK = "IGCLI_TEST"
"""Of the environment: tells the processes of a test from others."""
STEPS = ("--steps", "4", "--batch-size", "8", "--panel-format", "png", "--gif", "--arrays")
WORKER = b"ray::Worker"

KILLING = """
import os, sys
plain = os.open
def opened(path, *arguments, **options):
    if "igcli.pipeline.distributed.worker" in sys.modules and str(path).endswith("killer.png"):
        os._exit(1)
    return plain(path, *arguments, **options)
os.open = opened
"""
"""Of a module that every Python imports: workers die of images with that name."""


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which some images kill."""
    folder = tmp_path_factory.mktemp("patch")
    (folder / "sitecustomize.py").write_text(KILLING)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    unset = ("RAY_ADDRESS",)
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    ours = {"PYTHONPATH": os.pathsep.join(paths), "RAY_USAGE_STATS_ENABLED": "0"}
    access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    return environment | ours | access | {MARK: secrets.token_hex(8)}


@pytest.fixture(scope="module")
def cluster(patched: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster of two cores."""
    script = (
        "import ray, sys; "
        "ray.init('local', num_cpus=2, include_dashboard=False, log_to_driver=False, "
        "object_store_memory=100 << 20); "
        "print('ADDRESS', ray.get_runtime_context().gcs_address, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=patched,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        line = next(line for line in process.stdout if line.startswith("ADDRESS"))
        yield line.split()[1]
        process.stdin.close()


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, tiny_model: Path, patched: dict[str, str]) -> Start:
    """Start a run in an own process."""

    def run(*arguments: object, environment: dict[str, str] = patched) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "igcli", "attribute", "--model", tiny_model, *STEPS]
        return subprocess.Popen(
            [str(part) for part in (*command, "--model-preprocess", "none", *arguments)],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return run


def finish(process: "subprocess.Popen[str]") -> tuple[int, list[str], str]:
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out.splitlines(), err


def make_images(folder: Path, count: int, **further: bytes) -> None:
    rng = np.random.default_rng(7)
    for number in range(count):
        path = folder / str(number % 3) / f"{number:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), np.uint8)).save(path)
    for name, data in further.items():
        (folder / f"{name}.png").write_bytes(data or (folder / "0" / "000.png").read_bytes())


def once_each(output: Path) -> dict[str, Record]:
    """The records by image, without their times; no image comes twice."""
    by_image = timeless(output)
    assert len(by_image) == len(lines(output))
    return by_image


def recorded(output: Path) -> int:
    """The records so far, of a run under way, too."""
    paths = [output / "results.jsonl", *(output / "records").glob("*.jsonl")]
    return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())


def processes(mark: bytes, environment: dict[str, str]) -> list[int]:
    """The processes in an environment whose command line has `mark`."""
    numbers = []
    own = os.fsencode(f"{MARK}={environment[MARK]}")
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "cmdline").read_bytes() and own in (path / "environ").read_bytes():
                numbers.append(int(path.name))
        except OSError:
            continue
    return numbers


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_fleet_writes_what_a_local_run_writes(tmp_path: Path, start: Start, cluster: str) -> None:
    make_images(tmp_path / "in", 15, broken=b"no image")
    code, printed, _ = finish(start("in", "--output", "local"))
    assert code == 3
    fleet = ("--engine", "ray", "--workers", "2", "--ray-address", cluster)
    code, lines, err = finish(start("in", "--output", "fleet", *fleet))
    assert code == 3, err
    names = {line.removeprefix(f"{tmp_path}/fleet/") for line in lines}
    assert names == {line.removeprefix(f"{tmp_path}/local/") for line in printed}
    assert len(lines) == len(printed) == 45
    assert files(tmp_path / "fleet", TREES) == files(tmp_path / "local", TREES)
    assert once_each(tmp_path / "fleet") == once_each(tmp_path / "local")
    assert {path.name for path in (tmp_path / "fleet").iterdir()} == {
        path.name for path in (tmp_path / "local").iterdir()
    }
    [one, two] = (summary(tmp_path / name) for name in ("fleet", "local"))
    differing = {"seconds", "workers"}
    assert {key: one[key] for key in one.keys() - differing} == {
        key: two[key] for key in two.keys() - differing
    }
    assert one["workers"] == 2
    # Nothing but what igcli says.
    said = err.splitlines()
    assert all(line.startswith("igcli: ") for line in said)
    assert sum("broken.png" in line for line in said) == 1

    # Nothing is left to do, and what changed is done again.
    make_images(tmp_path / "in", 0, extra=b"", broken=b"still none")
    code, lines, err = finish(start("in", "--output", "fleet", *fleet))
    assert code == 3
    assert [line.rpartition("/")[2] for line in lines] == [
        "extra.png.png",
        "extra.png.gif",
        "extra.png.npz",
    ]
    assert summary(tmp_path / "fleet")["skipped"] == 15


def test_a_fleet_reads_a_network_in_an_onnx_file(
    tmp_path: Path, start: Start, cluster: str
) -> None:
    make_images(tmp_path / "in", 6)
    net = onnx_networks.save(onnx_networks.convolutional(), tmp_path, external="net.data")
    options = ("in", "--model", net.name)
    code, printed, err = finish(start(*options, "--output", "local"))
    assert code == 0, err
    fleet = ("--engine", "ray", "--workers", "2", "--ray-address", cluster)
    code, lines, err = finish(start(*options, "--output", "fleet", *fleet))
    assert code == 0, err
    assert len(lines) == len(printed) == 18
    assert files(tmp_path / "fleet", TREES) == files(tmp_path / "local", TREES)
    assert once_each(tmp_path / "fleet") == once_each(tmp_path / "local")
    assert summary(tmp_path / "fleet")["workers"] == 2


def test_dead_workers_are_replaced_and_images_that_kill_given_up(
    tmp_path: Path, start: Start, cluster: str, patched: dict[str, str]
) -> None:
    make_images(tmp_path / "in", 40)
    assert finish(start("in", "--output", "local"))[0] == 0
    make_images(tmp_path / "in", 0, killer=b"")
    fleet = ("--engine", "ray", "--workers", "2", "--ray-address", cluster)
    process = start("in", "--output", "fleet", *fleet)
    wait(lambda: recorded(tmp_path / "fleet") >= 2)
    os.kill(processes(WORKER, patched)[0], signal.SIGKILL)
    code, lines, err = finish(process)
    assert code == 3, err
    assert files(tmp_path / "fleet", TREES) == files(tmp_path / "local", TREES)
    assert len(lines) == len(set(lines)) == 120
    recorded_images = once_each(tmp_path / "fleet")
    done = {name: record for name, record in recorded_images.items() if record["status"] == "ok"}
    assert done == once_each(tmp_path / "local")
    [killer] = [record for record in recorded_images.values() if record["status"] == "failed"]
    assert killer["image"] == "killer.png"
    assert "its worker died 2 times" in killer["error"]
    assert not list((tmp_path / "fleet").rglob(".igcli-*"))
    assert all(line.startswith("igcli: ") for line in err.splitlines())


def test_a_network_that_cannot_be_loaded_ends_the_run_with_one_line(
    tmp_path: Path, start: Start, cluster: str
) -> None:
    make_images(tmp_path / "in", 2)
    (tmp_path / "broken.keras").write_bytes(b"no network")
    fleet = ("--engine", "ray", "--workers", "1", "--ray-address", cluster)
    broken = ("in", "--output", "out", "--model", "broken.keras")
    expected = finish(start(*broken))
    code, lines, err = finish(start(*broken, *fleet))
    assert (code, lines) == (1, [])
    assert err == expected[2]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--precision", "auto"), ("precision: auto", "float32", "--limit 32")),
        (("--panel-scale", "shared"), ("--panel-scale: shared", "a number", "--limit 32")),
        (("--device", "gpu:1"), ("gpu:1", "own: use gpu")),
        (("--device", "gpu:0,1"), ("gpu:0,1", "own: use gpu")),
        (("--device", "cpu:0"), ("cpu:0", "own: use cpu")),
        (("--engine", "local", "--workers", "2"), ("--workers", "--engine ray")),
        (("--engine", "local", "--ray-address", "h:1"), ("--ray-address", "--engine ray")),
    ],
)
def test_what_workers_cannot_do_is_refused_before_they_start(
    cli: Cli, tiny_model: Path, tmp_path: Path, options: Sequence[str], wanted: Sequence[str]
) -> None:
    make_images(tmp_path / "in", 1)
    known = ("--model", tiny_model, "--output", "out", "--engine", "ray")
    result = cli("attribute", "in", *known, *options)
    assert result.code == 2
    assert all(word in result.err.splitlines()[-1] for word in wanted)
    assert not (tmp_path / "out").exists()


def test_without_ray_the_extra_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_images(tmp_path / "in", 1)
    monkeypatch.setattr("igcli.pipeline.distributed.cluster.find_spec", lambda _: None)
    result = cli("attribute", "in", "--output", "out", "--engine", "ray")
    assert (result.code, result.lines) == (2, [])
    assert "pip install 'igcli[ray]'" in result.err


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_a_cluster_that_does_not_answer_is_named_at_once(
    tmp_path: Path, start: Start, address: str
) -> None:
    make_images(tmp_path / "in", 1)
    began = time.monotonic()
    code, lines, err = finish(start("in", "--engine", "ray", "--ray-address", address))
    assert (code, lines) == (1, [])
    assert err.startswith(f"igcli: --ray-address {address}: could not be reached")
    assert err.count("\n") == 1
    assert time.monotonic() - began < 60
    assert not (tmp_path / "igcli-output").exists()


@pytest.mark.parametrize(
    ("cores", "workers", "expected"),
    [
        ([2], None, (1, 2)),
        ([16], None, (4, 4)),
        ([16, 3], None, (5, 3)),
        ([2], 2, (2, 1)),
        ([2], 3, (3, 1)),
        ([16, 8], 3, (3, 8)),
        ([0, 8], 1, (1, 8)),
    ],
)
def test_cores_are_shared_out_and_no_worker_has_some_of_two_machines(
    cores: list[int], workers: int | None, expected: tuple[int, int]
) -> None:
    nodes = [{"Alive": True, "Resources": {"CPU": float(count)}} for count in cores]
    crew = worker_resources(nodes, workers, "auto")
    assert (crew.workers, crew.cpus, crew.gpus) == (*expected, 0)


def test_a_gpu_for_each_worker() -> None:
    nodes: list[dict[str, Any]] = [
        {"Alive": True, "Resources": {"CPU": 8.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 64.0}},
        {"Alive": False, "Resources": {"CPU": 8.0, "GPU": 8.0}},
    ]
    assert (
        worker_resources(nodes, None, "auto").workers,
        worker_resources(nodes, None, "gpu").gpus,
    ) == (2, 1)
    assert worker_resources(nodes, None, "cpu").gpus == 0
    with pytest.raises(UsageError, match="has 2"):
        worker_resources(nodes, 3, "gpu")
    with pytest.raises(UsageError, match="has 0"):
        worker_resources([{"Alive": True, "Resources": {"CPU": 8.0}}], None, "gpu")


def test_all_in_a_cluster_without_gpus_gets_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    warn_without_gpu.cache_clear()
    nodes = [{"Alive": True, "Resources": {"CPU": 8.0}}]
    assert worker_resources(nodes, None, "auto") == worker_resources(nodes, None, "cpu")
    assert not caplog.messages
    assert worker_resources(nodes, None, "all").gpus == 0
    [message] = caplog.messages
    assert message.startswith("device all: there is no GPU, so the CPU is used; ")


@pytest.mark.full
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_stopped_fleet_is_gone_and_goes_on(
    tmp_path: Path, start: Start, patched: dict[str, str], number: int, code: int
) -> None:
    make_images(tmp_path / "in", 60)
    assert finish(start("in", "--output", "local"))[0] == 0
    fleet = ("in", "--output", "fleet", "--engine", "ray", "--workers", "2")
    own = patched | {MARK: secrets.token_hex(8)}
    process = start(*fleet, environment=own)
    wait(lambda: recorded(tmp_path / "fleet") >= 3)
    process.send_signal(number)
    assert finish(process)[0] == code
    wait(lambda: not processes(b"ray", own))
    kept = recorded(tmp_path / "fleet")
    assert 3 <= kept < 60
    assert summary(tmp_path / "fleet")["finished"] is False
    result = finish(start(*fleet))
    assert result[0] == 0, result[2]
    assert len(result[1]) <= 3 * (60 - kept) + 3
    assert files(tmp_path / "fleet", TREES) == files(tmp_path / "local", TREES)
    assert once_each(tmp_path / "fleet") == once_each(tmp_path / "local")
    assert not list((tmp_path / "fleet").rglob(".igcli-*"))
