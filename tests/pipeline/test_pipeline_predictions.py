from dataclasses import dataclass, field

import numpy as np

from igcli.integration.requests import (
    Computation,
    predict,
    predict_all,
    predict_target,
    with_mask,
)
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array
from support.networks import ClosedForm, Vector

SHAPE = (2, 2, 3)


@dataclass
class Levels:
    """Uniform inputs of levels first, first + 1, ...; ClosedForm scores 12 * level**2."""

    first: int
    count: int
    written: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return self.count

    def write(self, indices: range, out: Array) -> None:
        self.written += indices
        for index, level in zip(indices, out, strict=True):
            level[...] = self.first + index


def scores_of(levels: Levels) -> Computation[Array]:
    return (yield from predict_all(levels))


def test_scores_of_many_inputs_come_in_their_order() -> None:
    levels = Levels(0, 77)
    [scores] = Engine(ClosedForm(SHAPE), batch_size=4).run([scores_of(levels)])
    np.testing.assert_allclose(scores[:, 0], 12 * np.arange(77.0) ** 2)
    assert sorted(levels.written) == list(range(77))  # Each is made once.


def test_many_inputs_are_predicted_in_large_batches_and_the_rest_in_small_ones() -> None:
    network = ClosedForm(SHAPE)
    list(Engine(network, batch_size=4).run([scores_of(Levels(0, 64 + 9))]))
    assert network.predictions == 2 + 2


def test_requests_of_several_jobs_share_batches() -> None:
    network = ClosedForm(SHAPE)

    def single(level: float) -> Computation[Array]:
        [scores] = yield from predict(np.full(SHAPE, level, np.float32))
        return scores

    jobs = [scores_of(Levels(0, 3)), scores_of(Levels(10, 4)), single(5)]
    results = list(Engine(network, batch_size=4).run(jobs))
    assert network.predictions == 1
    assert [np.atleast_2d(scores)[:, 0].tolist() for scores in results] == [
        [0, 12, 48],
        [1200, 1452, 1728, 2028],
        [300],
    ]


class PixelScores(ClosedForm):
    """Scores of six pixels: multiples of those of the whole input."""

    def _scores(self, inputs: Array) -> Vector:
        return super()._scores(inputs)[:, None] * np.arange(1.0, 7)[None, :, None]


def test_scores_of_one_target_are_summed_over_the_pixels_of_a_mask() -> None:
    mask = np.array([0, 1, 1, 0, 0, 1], np.float32)

    def job() -> Computation[tuple[Array, Array, Array]]:
        [single] = yield from predict(np.full(SHAPE, 3, np.float32))
        every = yield from predict_all(Levels(0, 5))
        one = yield from predict_target(Levels(0, 40), 0)
        return single, every, one

    [(single, every, one)] = Engine(PixelScores(SHAPE), batch_size=4).run([with_mask(job(), mask)])
    weight = 2 + 3 + 6
    assert single.shape == (2,)
    assert single[0] == 12 * 9 * weight
    assert every.shape == (5, 2)
    np.testing.assert_allclose(every[:, 0], 12 * np.arange(5.0) ** 2 * weight)
    np.testing.assert_allclose(one, 12 * np.arange(40.0) ** 2 * weight)


def test_a_target_alone_has_no_axis_of_scores() -> None:
    [scores] = Engine(ClosedForm(SHAPE), batch_size=4).run([predict_target(Levels(0, 9), 0)])
    np.testing.assert_allclose(scores, 12 * np.arange(9.0) ** 2)
