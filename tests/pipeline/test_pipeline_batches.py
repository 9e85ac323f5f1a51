"""Points of many lines packed into batches, and each line's answer."""

import numpy as np
import pytest

from igcli.integration.requests import Line, LineGradients, gradients_along
from igcli.pipeline.engine.batches import BatchQueue, PointBatch, sizes_for
from igcli.pipeline.engine.engine import Engine, Job
from support.networks import ClosedForm

SHAPE = (2, 2, 3)


def line(points: int, *, direction: float) -> Line:
    ones = np.ones(SHAPE, np.float32)
    alphas = np.linspace(0, 1, points)
    return Line(0 * ones, direction * ones, 0, alphas, np.full(points, 1 / points))


def tickets(batch: PointBatch) -> list[tuple[object, int]]:
    return [(open_line.ticket, count) for open_line, count in batch.parts]


def test_lines_of_an_earlier_turn_are_taken_first_and_of_one_turn_in_order() -> None:
    batches = BatchQueue(ClosedForm(SHAPE))
    for name, turn in (("late", 2), ("early", 1), ("early too", 1)):
        batches.add(line(2, direction=1), name, turn=turn)
    assert tickets(batches.take(4)) == [("early", 2), ("early too", 2)]
    assert tickets(batches.take(4)) == [("late", 2)]


def test_a_line_that_was_overtaken_halfway_has_its_whole_answer() -> None:
    network = ClosedForm(SHAPE)
    batches = BatchQueue(network)
    batches.add(line(6, direction=1), "late", turn=2)
    taken = [batches.take(4)]
    batches.add(line(4, direction=3), "early", turn=1)
    taken += [batches.take(4), batches.take(4)]
    assert [tickets(batch) for batch in taken] == [[("late", 4)], [("early", 4)], [("late", 2)]]
    assert batches.pending == 0
    answers: dict[str, LineGradients] = {}
    for batch in taken:
        answers |= dict(batches.collect(batch, network.gradients(batch.points)))
    # The score is the sum of squares: its mean gradient on the way from zero is the direction.
    np.testing.assert_allclose(answers["late"].gradients, 1, rtol=1e-6)
    np.testing.assert_allclose(answers["early"].gradients, 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("points", "sizes", "expected"),
    [
        (0, (2, 8, 24), ()),
        (1, (2, 8, 24), (2,)),
        (3, (2, 8, 24), (2, 2)),
        (7, (2, 8, 24), (8,)),
        (9, (2, 8, 24), (8, 2)),
        (23, (2, 8, 24), (24,)),
        (3, (24,), (24,)),
        (5, (2,), (2, 2, 2)),
    ],
)
def test_what_is_left_goes_into_the_batches_that_waste_least(
    points: int, sizes: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    assert sizes_for(points, sizes) == expected


def test_small_batches_hold_every_number_of_points() -> None:
    for points in range(1, 200):
        chosen = sizes_for(points, (2, 8, 64))
        assert sum(chosen) >= points > sum(chosen[:-1])
        assert sum(chosen) <= max(1.34 * points, 2)
    assert sum(sizes_for(4999, (2, 8, 5000))) == 5000


def test_an_engine_takes_small_batches_at_the_end_alone() -> None:
    network = ClosedForm(SHAPE)
    network.small_batches = (2, 8)

    def job() -> Job[None]:
        yield from gradients_along(line(51, direction=1))

    list(Engine(network, batch_size=24).run(job() for _ in range(3)))
    assert sorted(network.batches, reverse=True) == [24] * 6 + [8, 2]
    assert sum(network.batches) - 3 * 51 == 1
