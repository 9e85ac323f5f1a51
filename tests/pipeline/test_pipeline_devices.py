"""Several devices under the engine: whichever is free computes, and losing one changes nothing."""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from igcli.errors import DeviceError, OutOfMemoryError
from igcli.integration.network import PointGradients, Points
from igcli.integration.requests import (
    LayerGradient,
    LayerGradients,
    Line,
    gradients_along,
    predict,
)
from igcli.models.network.several_devices import SeveralDevices, on_devices
from igcli.pipeline.engine.engine import Engine, Job
from igcli.records import Array
from support.networks import ClosedForm

SHAPE = (2, 2, 3)
POINTS = 11
IMAGES = 20


class Member(ClosedForm):
    """A closed-form network on a device of its own.

    Attributes:
        most: Largest batch that fits its memory.
        life: Batches of gradients until it fails.
        results: Uses of a batch's results until it fails.
    """

    outputs, positions, activation, is_binary = 2, None, None, False
    explained, has_bfloat16, precision = "probability", True, "float32"

    def __init__(
        self, device: str, *, most: int = 99, life: int = 10**9, results: int = 10**9
    ) -> None:
        super().__init__(SHAPE)
        self.device = self.memory = device
        self.most, self.life, self.results = most, life, results
        self.placed = 0

    def place(self, start: Array, direction: Array) -> tuple[Array, Array]:
        self.placed += 1
        return super().place(start, direction)

    def gradients(self, points: Points, **wanted: Any) -> PointGradients:
        if len(points.line) > self.most:
            raise OutOfMemoryError("too much")
        self.use()
        return super().gradients(points, **wanted)

    def predict(self, inputs: Array) -> Array:
        self.use()
        return super().predict(inputs)

    def layer_gradients(
        self, inputs: Array, targets: Any, layer: str | None, *, masks: Any = None
    ) -> list[LayerGradients]:
        self.use()
        return super().layer_gradients(inputs, targets, layer)

    def rows(self, array: Any, rows: slice) -> Any:
        self.results -= 1
        self.check()
        return array[rows]

    def use(self) -> None:
        self.life -= 1
        self.check()

    def check(self) -> None:
        if self.life < 0 or self.results < 0:
            raise DeviceError(f"model: failed on {self.device}: it fell off the bus")


def job(number: int, *, kept: bool = False) -> Job[tuple[int, Any]]:
    image = np.random.default_rng(number).uniform(0, 1, SHAPE).astype(np.float32)
    alphas = np.linspace(0, 1, POINTS)
    weights = None if kept else np.linspace(0, 1, POINTS)
    wanted = np.arange(POINTS) % 3 == 0
    line = Line(image * 0, image, number % 2, alphas, weights, slopes=True, interior=wanted)
    [scores] = yield from predict(image)
    [along] = yield from gradients_along(line)
    [at_layer] = yield [LayerGradient(image, number % 2, None)]
    return number, (scores, along, at_layer)


def run(network: Any, *, size: int = 8, kept: bool = False) -> tuple[Engine, dict[int, Any]]:
    engine = Engine(network, batch_size=size)
    return engine, dict(engine.run(job(number, kept=kept) for number in range(IMAGES)))


@pytest.fixture(scope="module", params=[False, True], ids=["summed", "kept"])
def kept(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def expected(kept: bool) -> dict[int, Any]:
    """What one device computes."""
    return run(ClosedForm(SHAPE), kept=kept)[1]


def several(*members: Member) -> Any:
    return SeveralDevices(members)  # type: ignore[arg-type]


def assert_equal(results: dict[int, Any], expected: dict[int, Any]) -> None:
    assert sorted(results) == list(range(IMAGES))
    for number, (scores, along, at_layer) in expected.items():
        np.testing.assert_array_equal(results[number][0], scores)
        for name in ("scores", "gradients", "slopes", "interior"):
            np.testing.assert_array_equal(getattr(results[number][1], name), getattr(along, name))
        np.testing.assert_array_equal(results[number][2].gradients, at_layer.gradients)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_results_are_those_of_one_device(
    count: int, kept: bool, expected: dict[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    members = [Member(f"GPU:{number}") for number in range(count)]
    _, results = run(several(*members), kept=kept)
    assert_equal(results, expected)
    assert warnings(caplog) == []


def test_a_batch_goes_to_the_device_that_is_free() -> None:
    """No batch of one device ends before the other has computed three."""
    release = threading.Event()

    class Busy(Member):
        def gradients(self, points: Points, **wanted: Any) -> PointGradients:
            assert release.wait(30)
            return super().gradients(points, **wanted)

    class Free(Member):
        def gradients(self, points: Points, **wanted: Any) -> PointGradients:
            answer = super().gradients(points, **wanted)
            if len(self.batches) == 3:
                release.set()
            return answer

    busy, free = Busy("GPU:0"), Free("GPU:1")
    network = several(busy, free)
    batch = points_of(network)
    with ThreadPoolExecutor(network.streams) as pool:
        assert len(list(pool.map(network.gradients, [batch] * 5))) == 5
    assert len(busy.batches) + len(free.batches) == 5
    assert len(free.batches) >= 3


def points_of(network: Any, size: int = 4) -> Points:
    ones, zeros = np.ones(SHAPE, np.float32), np.zeros(size, np.int32)
    return Points([network.place(0 * ones, ones)], zeros, np.ones(size, np.float32), zeros)


def test_calls_one_by_one_stay_on_one_device() -> None:
    members = [Member(f"GPU:{number}") for number in range(3)]
    network = several(*members)
    for _ in range(5):
        network.gradients(points_of(network))
        network.predict(np.ones((8, *SHAPE), np.float32))
    assert [len(member.batches) for member in members] == [5, 0, 0]


def test_a_line_is_placed_once_in_each_memory() -> None:
    members = [Member("CPU:0"), Member("CPU:1"), Member("GPU:0"), Member("GPU:1")]
    members[0].memory = members[1].memory = "CPU"
    network = several(*members)
    batch = points_of(network)
    [line] = batch.lines
    for member in members * 2:
        assert line.on(member) is line.on(member)
    assert [member.placed for member in members] == [1, 0, 1, 1]


def test_a_device_that_fails_is_left_out_with_one_warning(
    kept: bool, expected: dict[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    failing, well = Member("GPU:0", life=3), Member("GPU:1")
    network = several(failing, well)
    _, results = run(network, kept=kept)
    assert_equal(results, expected)
    assert warnings(caplog) == [
        "model: failed on GPU:0: it fell off the bus; the run goes on without this device"
    ]
    assert (network.device, network.devices) == ("GPU:0 (lost), GPU:1", ("GPU:1",))
    assert network.streams == well.streams
    before = failing.life
    assert_equal(run(network, kept=kept)[1], expected)
    assert failing.life == before


@pytest.mark.parametrize("uses", [0, 1, 5, 12])
def test_results_lost_with_their_device_are_computed_again(
    uses: int, kept: bool, expected: dict[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    members = [Member("GPU:0", results=uses), Member("GPU:1", results=uses + 30), Member("GPU:2")]
    network = several(*members)
    _, results = run(network, kept=kept)
    assert_equal(results, expected)
    assert network.devices[-1] == "GPU:2"
    assert len(warnings(caplog)) == 3 - len(network.devices) > 0


def test_what_is_too_large_for_one_device_is_computed_by_another(
    kept: bool, expected: dict[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    small, large = Member("GPU:0", most=7), Member("GPU:1")
    engine, results = run(several(small, large), kept=kept)
    assert_equal(results, expected)
    assert engine.batch_size == 8
    assert warnings(caplog) == ["out of memory on GPU:0: the other devices compute batches of 8"]


def test_only_what_is_too_large_for_all_devices_is_halved(
    kept: bool, expected: dict[int, Any], caplog: pytest.LogCaptureFixture
) -> None:
    engine, results = run(several(Member("GPU:0", most=3), Member("GPU:1", most=5)), kept=kept)
    assert_equal(results, expected)
    assert engine.batch_size == 4
    assert warnings(caplog) == [
        "out of memory on GPU:0: the other devices compute batches of 8",
        "out of memory: halving batch_size 8",
    ]


def test_devices_without_memory_end_the_run() -> None:
    with pytest.raises(OutOfMemoryError, match="does not hold a single evaluation"):
        run(several(Member("GPU:0", most=0), Member("GPU:1", most=0)))


def test_the_failure_of_the_last_device_ends_the_run(caplog: pytest.LogCaptureFixture) -> None:
    network = several(Member("GPU:0", life=3), Member("GPU:1", life=9))
    with pytest.raises(DeviceError, match=r"^model: failed on GPU:\d: it fell off the bus$"):
        run(network)
    assert len(warnings(caplog)) == 1
    assert network.device == "GPU:0 (lost), GPU:1 (lost)"


def test_threads_that_wait_for_a_device_hear_that_all_have_failed() -> None:
    started = threading.Barrier(3, timeout=100)

    class Dying(Member):
        @property
        def streams(self) -> int:
            return 1

        def gradients(self, points: Points, **wanted: Any) -> PointGradients:
            started.wait()
            raise DeviceError("gone")

    network = several(Dying("GPU:0"), Dying("GPU:1"))
    batch, errors = points_of(network), []

    def compute() -> None:
        try:
            network.gradients(batch)
        except DeviceError as error:
            errors.append(error)

    threads = [threading.Thread(target=compute, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    started.wait()
    for thread in threads:
        thread.join(30)
    assert len(errors) == 5


class Movable(Member):
    """Can be moved to any device but a full one and a broken one."""

    def on(self, device: str) -> "Movable":
        if device == "GPU:1":
            raise OutOfMemoryError("model: out of memory; lower --batch-size")
        if device == "GPU:3":
            raise DeviceError("model: failed on GPU:3: no such luck")
        return Movable(device)


def moved(devices: Sequence[str]) -> Any:
    return on_devices(Movable("GPU:0"), devices)  # type: ignore[arg-type]


def test_devices_that_cannot_take_the_network_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = moved(["GPU:0", "GPU:1", "GPU:2", "GPU:3"])
    assert network.devices == ("GPU:0", "GPU:2")
    assert network.device == "GPU:0, GPU:2, GPU:1 (lost), GPU:3 (lost)"
    assert warnings(caplog) == [
        "model: GPU:1 has too little memory for the network; the run goes on without this device",
        "model: failed on GPU:3: no such luck; the run goes on without this device",
    ]


def test_one_device_is_a_plain_network() -> None:
    assert type(moved(["GPU:0"])) is Movable
