import threading
from collections.abc import Iterator

import numpy as np
import pytest

from igcli.integration.network import PointGradients, Points
from igcli.integration.requests import Line, gradients_along, predict
from igcli.pipeline.engine.engine import Engine, Job, in_background
from igcli.records import Array
from support.networks import ClosedForm

SHAPE = (2, 2, 3)


def line(points: int, *, kept: bool = False) -> Line:
    ones = np.ones(SHAPE, np.float32)
    weights = None if kept else np.full(points, 1 / points)
    return Line(0 * ones, ones, 0, np.linspace(0, 1, points), weights)


def test_a_job_that_asks_for_nothing_is_finished() -> None:
    def job() -> Job[int]:
        yield from ()
        return 3

    assert list(Engine(ClosedForm(SHAPE), batch_size=4).run([job()])) == [3]


def test_no_jobs_give_no_results() -> None:
    assert list(Engine(ClosedForm(SHAPE), batch_size=4).run([])) == []


def test_predictions_of_several_jobs_share_a_call() -> None:
    network = ClosedForm(SHAPE)

    def job(value: float) -> Job[float]:
        [scores] = yield from predict(np.full(SHAPE, value, np.float32))
        return float(scores[0])

    found = sorted(Engine(network, batch_size=4).run(job(value) for value in range(8)))
    assert found == [12 * value**2 for value in range(8)]
    assert network.predictions == 1


def test_kept_gradients_come_one_for_each_point_across_batches() -> None:
    def job() -> Job[Array]:
        [found] = yield from gradients_along(line(11, kept=True))
        return found.gradients

    [gradients] = Engine(ClosedForm(SHAPE), batch_size=4).run([job()])
    expected = 2 * np.linspace(0, 1, 11)[:, None, None, None] * np.ones(SHAPE)
    np.testing.assert_allclose(gradients, expected, rtol=1e-6)


def test_slopes_are_derivatives_along_the_line() -> None:
    def job() -> Job[Array | None]:
        ones = np.ones(SHAPE, np.float32)
        alphas = np.array([0.0, 0.5, 1.0])
        [found] = yield from gradients_along(Line(0 * ones, 2 * ones, 0, alphas, slopes=True))
        return found.slopes

    [slopes] = Engine(ClosedForm(SHAPE), batch_size=2).run([job()])
    assert slopes is not None
    np.testing.assert_allclose(slopes, [0, 48, 96])  # d/da of 12 (2 a)**2


def test_later_rounds_of_several_jobs_still_fill_batches() -> None:
    network = ClosedForm(SHAPE)

    def job() -> Job[None]:
        for _ in range(4):
            yield from gradients_along(line(3))

    list(Engine(network, batch_size=6).run(job() for _ in range(4)))
    assert network.batches == [6] * 8  # 4 jobs of 4 rounds of 3 points


def test_calls_run_beside_the_network() -> None:
    main = threading.current_thread()

    def job() -> Job[bool]:
        return (yield from in_background(lambda: threading.current_thread() is not main))

    assert list(Engine(ClosedForm(SHAPE), batch_size=4).run([job()])) == [True]


def test_calls_that_wait_for_a_store_are_many_at_a_time() -> None:
    together = threading.Barrier(6, timeout=100)

    def waiting() -> Job[int]:
        return (yield from in_background(together.wait, waits=True))

    engine = Engine(ClosedForm((1,)), batch_size=4)
    assert sorted(engine.run(waiting() for _ in range(12))) == sorted([*range(6)] * 2)


def test_an_exception_of_a_call_comes_back_to_its_job_alone() -> None:
    def broken() -> None:
        raise ValueError("no image")

    def job(function: object) -> Job[str]:
        try:
            yield from in_background(function)  # type: ignore[arg-type]
        except ValueError as error:
            return str(error)
        yield from gradients_along(line(5))
        return "done"

    engine = Engine(ClosedForm(SHAPE), batch_size=4)
    assert sorted(engine.run([job(int), job(broken), job(int)])) == ["done", "done", "no image"]


def test_what_a_job_does_not_catch_ends_the_run() -> None:
    def job() -> Job[None]:
        yield from in_background(int, "x")

    with pytest.raises(ValueError, match="invalid literal"):
        list(Engine(ClosedForm(SHAPE), batch_size=4).run([job()]))


def test_jobs_are_started_as_they_are_needed() -> None:
    started = 0

    def jobs() -> Iterator[Job[None]]:
        nonlocal started
        for _ in range(1000):
            started += 1
            yield gradients_along(line(50))  # type: ignore[misc]

    results = Engine(ClosedForm(SHAPE), batch_size=4).run(jobs())
    next(results)
    assert started < 20
    results.close()


def test_sums_are_in_order_whichever_batch_is_done_first() -> None:
    class Overtaking(ClosedForm):
        """Has the second of two batches done before the first."""

        def __init__(self) -> None:
            super().__init__(SHAPE)
            self.second = threading.Event()
            self.finished: list[float] = []

        def gradients(self, points: Points, **wanted: bool) -> PointGradients:
            found = super().gradients(points, **wanted)
            first = float(points.alpha[0])
            if first == 0:
                assert self.second.wait(timeout=100)
            self.finished.append(first)
            self.second.set()
            return found

    def job() -> Job[tuple[Array, Array]]:
        [found] = yield from gradients_along(line(8))
        return found.gradients, found.scores

    network = Overtaking()
    [(total, scores)] = Engine(network, batch_size=4).run([job()])
    assert network.finished[0] > network.finished[1]
    alphas = np.linspace(0, 1, 8).astype(np.float32)
    expected = np.float32(0)
    for alpha in alphas:
        expected += np.float32(1 / 8) * (2 * alpha)
    np.testing.assert_array_equal(total, np.full(SHAPE, expected))
    np.testing.assert_allclose(scores, 12 * alphas**2, rtol=1e-5)


@pytest.mark.parametrize("kept", [False, True])
def test_a_network_that_loses_rows_ends_the_run(kept: bool) -> None:
    class Lossy(ClosedForm):
        def predict(self, inputs: Array) -> Array:
            return super().predict(inputs)[:-1] if not kept else super().predict(inputs)

        def gradients(self, points: Points, **wanted: bool) -> PointGradients:
            found = super().gradients(points, **wanted)
            return PointGradients(found.scores[:-1], found.summands[:-1], None, None, None)

    def job() -> Job[None]:
        for _ in range(8):
            yield from predict(np.zeros(SHAPE, np.float32))
            yield from gradients_along(line(4))

    with pytest.raises(ValueError, match=r"shorter|broadcast"):
        list(Engine(Lossy(SHAPE), batch_size=4).run(job() for _ in range(8)))


def test_a_request_that_nobody_answers_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("igcli.pipeline.engine.batches.BatchQueue.collect", lambda *_: [])

    def job() -> Job[None]:
        yield from gradients_along(line(4))

    with pytest.raises(RuntimeError, match="left unanswered"):
        list(Engine(ClosedForm(SHAPE), batch_size=4).run([job()]))


def test_a_round_without_requests_is_answered() -> None:
    def job() -> Job[int]:
        assert (yield []) == []
        assert (yield from predict()) == []
        [found] = yield from gradients_along(line(4))
        return len(found.scores)

    assert list(Engine(ClosedForm(SHAPE), batch_size=4).run([job()])) == [4]
