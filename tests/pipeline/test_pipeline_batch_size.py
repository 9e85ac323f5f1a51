import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from igcli.errors import DeviceError, OutOfMemoryError
from igcli.integration.network import Points
from igcli.models.catalog import batch_size_cache
from igcli.pipeline.calibration import batch_size
from igcli.pipeline.calibration.batch_size import Work, seconds_for
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array
from support.networks import ClosedForm


class Clock:
    """A network whose batches take as long as the test says, by a clock of the test's."""

    input_shape = (2, 2, 3)
    precision = "float32"
    devices = ("CPU:0",)

    def __init__(
        self, seconds: dict[int, float], *, most: int = 1000, compiling: float = 0
    ) -> None:
        self.now = 0.0
        self.batches: list[int] = []
        self._seconds, self._most, self._compiling = seconds, most, compiling

    def uncompiled(self) -> "Clock":
        return self

    def place(self, start: Any, direction: Any) -> Any:
        return start, direction

    def fetch(self, placed: Any) -> Any:
        return placed

    def gradients(self, points: Points) -> Any:
        count = len(points.alpha)
        if count > self._most:
            raise OutOfMemoryError("too much")
        self.now += self._seconds[count] + self._compiling * (count not in self.batches)
        self.batches.append(count)
        return SimpleNamespace(scores=points.alpha)

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def tuned(network: Clock, monkeypatch: pytest.MonkeyPatch, gradients: int = 10**9) -> int:
    monkeypatch.setattr(batch_size, "time", network)
    model: Any = SimpleNamespace(network=network, device="CPU:0", sha256="ab", size=(2, 2))
    model.precision = network.precision
    return batch_size.tuned_batch_size(model, gradients=gradients)


def test_the_fastest_is_picked_and_remembered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Clock({8: 1.0, 16: 1.2, 24: 2.4, 48: 4.5})
    assert tuned(network, monkeypatch) == 16
    before = len(network.batches)
    assert tuned(network, monkeypatch, gradients=0) == 16
    assert len(network.batches) == before
    faster = Clock({8: 0.1, 16: 1.2, 24: 2.4, 48: 4.5})
    faster.precision = "bfloat16"
    assert tuned(faster, monkeypatch) == 8


def test_a_difference_within_the_noise_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tuned(Clock({8: 0.99, 16: 1.6, 24: 2.5, 48: 4.9}), monkeypatch) == 24


def test_what_does_not_fit_is_not_picked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tuned(Clock({8: 1.0, 16: 1.6, 24: 2.5, 48: 0.1}, most=40), monkeypatch) == 24


def test_a_short_run_measures_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = Clock({8: 0.1, 16: 1.6, 24: 2.5, 48: 5.0})
    # Four batches of each size are 384 gradients, a twentieth of 7,680.
    assert tuned(network, monkeypatch, gradients=7600) == 24
    assert network.batches == []
    assert not home.exists()
    assert tuned(network, monkeypatch, gradients=7700) == 8


def test_slow_compiling_ends_a_measurement(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Clock({8: 0.1, 16: 1.6, 24: 2.4, 48: 5.0}, compiling=50)
    # About 60 s for each of three more sizes; a twentieth of 20,000 gradients takes 100 s.
    assert tuned(slow, monkeypatch, gradients=20_000) == 24
    assert set(slow.batches) == {24}
    assert not home.exists()


def test_a_device_that_fails_is_not_measured(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Clock):
        def gradients(self, points: Points) -> Any:
            raise DeviceError("gone")

    assert tuned(Failing({}), monkeypatch) == 24
    assert not home.exists()


def test_devices_are_timed_together() -> None:
    together = threading.Barrier(3, timeout=100)

    class Together(ClosedForm):
        def gradients(self, points: Points, **wanted: Any) -> Any:
            together.wait()
            return super().gradients(points, **wanted)

        def predict(self, inputs: Array) -> Array:
            together.wait()
            return super().predict(inputs)

    network = Together((2, 2, 3))
    engine = Engine(network, batch_size=4)
    assert seconds_for(Work(gradients=9, predictions=9), engine, devices=3) > 0
    assert network.batches == [4] * len(network.batches)
    assert len(network.batches) == 3 * (1 + batch_size.REPETITIONS)


@pytest.mark.parametrize("text", ["", "[]", '{"k": "25"}', '{"k": 0}', '{"k": true}', "\xff"])
def test_a_damaged_cache_is_no_cache(home: Path, text: str) -> None:
    home.mkdir()
    (home / batch_size_cache.NAME).write_text(text, encoding="latin-1")
    assert batch_size_cache.recall("k") is None
    batch_size_cache.remember("k", 16)
    assert batch_size_cache.recall("k") == 16


def test_a_home_that_cannot_be_written_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "file" / "home"))
    batch_size_cache.remember("k", 16)
    assert batch_size_cache.recall("k") is None
