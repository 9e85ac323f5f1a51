"""Points of many lines packed into batches, and each line's answer."""

import numpy as np

from igcli.paths.work import Line, LineGradients
from igcli.pipeline.batches import Batch, Batches
from support.networks import ClosedForm

SHAPE = (2, 2, 3)


def line(points: int, *, direction: float) -> Line:
    ones = np.ones(SHAPE, np.float32)
    alphas = np.linspace(0, 1, points)
    return Line(0 * ones, direction * ones, 0, alphas, np.full(points, 1 / points))


def tickets(batch: Batch) -> list[tuple[object, int]]:
    return [(opened.ticket, count) for opened, count in batch.parts]


def test_lines_of_an_earlier_turn_are_taken_first_and_of_one_turn_in_order() -> None:
    batches = Batches(ClosedForm(SHAPE))
    for name, turn in (("late", 2), ("early", 1), ("early too", 1)):
        batches.add(line(2, direction=1), name, turn=turn)
    assert tickets(batches.take(4)) == [("early", 2), ("early too", 2)]
    assert tickets(batches.take(4)) == [("late", 2)]


def test_a_line_that_was_overtaken_halfway_has_its_whole_answer() -> None:
    network = ClosedForm(SHAPE)
    batches = Batches(network)
    batches.add(line(6, direction=1), "late", turn=2)
    taken = [batches.take(4)]
    batches.add(line(4, direction=3), "early", turn=1)
    taken += [batches.take(4), batches.take(4)]
    assert [tickets(batch) for batch in taken] == [[("late", 4)], [("early", 4)], [("late", 2)]]
    assert batches.pending == 0
    answers: dict[str, LineGradients] = {}
    for batch in taken:
        answers |= dict(batches.give(batch, network.gradients(batch.points)))
    # The score is the sum of squares: its mean gradient on the way from zero is the direction.
    np.testing.assert_allclose(answers["late"].gradients, 1, rtol=1e-6)
    np.testing.assert_allclose(answers["early"].gradients, 3, rtol=1e-6)
