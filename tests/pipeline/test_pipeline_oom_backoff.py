"""Out of memory: batches are halved, the same points again, the run goes on."""

import logging
import threading
from typing import Any

import numpy as np
import pytest

from igcli.errors import OutOfMemoryError
from igcli.integration.network import PointGradients, Points
from igcli.integration.requests import Line, gradients_along, predict
from igcli.pipeline.engine.engine import Engine, Job, in_background
from igcli.records import Array
from support.networks import ClosedForm

SHAPE = (2, 2, 3)
POINTS = 11


class Small(ClosedForm):
    """Holds so many points, and fewer from a certain batch on."""

    def __init__(self, most: int, *, later: int | None = None, inputs: int = 8) -> None:
        super().__init__(SHAPE)
        self.most, self.later, self.inputs = most, later or most, inputs

    def gradients(self, points: Points, **wanted: Any) -> PointGradients:
        if len(points.line) > (self.most if len(self.batches) < 5 else self.later):
            raise OutOfMemoryError("too much")
        return super().gradients(points, **wanted)

    def predict(self, inputs: Array) -> Array:
        if len(inputs) > self.inputs:
            raise OutOfMemoryError("too much")
        return super().predict(inputs)


def job(number: int, *, kept: bool = False) -> Job[tuple[int, Any]]:
    image = np.random.default_rng(number).uniform(0, 1, SHAPE).astype(np.float32)
    wanted = np.arange(POINTS) % 3 == 0
    weights = None if kept else np.linspace(0, 1, POINTS)
    alphas = np.linspace(0, 1, POINTS)
    line = Line(image * 0, image, number % 2, alphas, weights, slopes=True, interior=wanted)
    [scores] = yield from predict(image)
    [gradients] = yield from gradients_along(line)
    return number, (scores, gradients)


def run(network: ClosedForm, size: int, *, kept: bool = False) -> tuple[Engine, dict[int, Any]]:
    engine = Engine(network, batch_size=size)
    return engine, dict(engine.run(job(number, kept=kept) for number in range(20)))


@pytest.mark.parametrize("size", [2, 7, 12, 25, 64])
@pytest.mark.parametrize("kept", [False, True])
def test_results_are_those_of_a_device_with_memory(size: int, kept: bool) -> None:
    _, expected = run(ClosedForm(SHAPE), size, kept=kept)
    for network in (Small(3), Small(1), Small(8, later=2), Small(5, inputs=3)):
        engine, results = run(network, size, kept=kept)
        assert engine.batch_size <= max(network.later, 2)
        assert max(network.batches) <= max(network.most, 1)
        assert sorted(results) == list(range(20))
        for number, (scores, line) in expected.items():
            np.testing.assert_array_equal(results[number][0], scores)
            for name in ("scores", "gradients", "slopes", "interior"):
                np.testing.assert_array_equal(
                    getattr(results[number][1], name), getattr(line, name)
                )


def test_what_was_learned_is_remembered(caplog: pytest.LogCaptureFixture) -> None:
    network = Small(6)
    with caplog.at_level(logging.WARNING, "igcli"):
        engine, _ = run(network, 25)
    assert engine.batch_size == 6
    assert set(network.batches) == {6}
    assert [record.getMessage() for record in caplog.records] == [
        "out of memory: halving batch_size 25",
        "out of memory: halving batch_size 12",
    ]


@pytest.mark.parametrize("network", [Small(0), Small(5, inputs=0)])
def test_a_device_that_holds_nothing_ends_the_run(network: Small) -> None:
    with pytest.raises(OutOfMemoryError, match="does not hold a single evaluation"):
        run(network, 25)


def test_a_run_is_left_without_waiting_for_its_batch() -> None:
    free, entered = threading.Event(), threading.Event()

    class Slow(ClosedForm):
        def gradients(self, points: Points, **wanted: Any) -> PointGradients:
            entered.set()
            free.wait(60)
            return super().gradients(points, **wanted)

    def failing() -> Job[tuple[int, Any]]:
        yield from predict(np.zeros(SHAPE, np.float32))
        yield from in_background(entered.wait, 60)
        raise KeyboardInterrupt

    jobs = [*(job(number) for number in range(4)), failing()]
    try:
        with pytest.raises(KeyboardInterrupt):
            list(Engine(Slow(SHAPE), batch_size=4).run(jobs))
        assert not free.is_set()
    finally:
        free.set()
