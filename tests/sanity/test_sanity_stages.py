import pytest

from igcli.sanity.stages import MODES, stages_of

LAYERS = tuple("abcdefghijklm")  # 13


@pytest.mark.parametrize(
    ("count", "numbers"),
    [
        (None, list(range(1, 14))),
        (13, list(range(1, 14))),
        (99, list(range(1, 14))),
        (5, [1, 4, 7, 10, 13]),
        (2, [1, 13]),
        (1, [13]),
    ],
)
def test_stages_are_spread_from_the_top_to_the_lowest_layer(
    count: int | None, numbers: list[int]
) -> None:
    stages = stages_of(LAYERS, ["cascading"], count)
    assert [stage.number for stage in stages] == numbers
    assert [stage.layer for stage in stages] == [LAYERS[number - 1] for number in numbers]


def test_cascading_randomizes_all_from_the_top_and_independent_one() -> None:
    cascading, independent = (stages_of(LAYERS, [mode], 3)[1] for mode in MODES)
    assert list(cascading.layers) == [0, 1, 2, 3, 4, 5, 6]
    assert list(independent.layers) == [6]


def test_modes_come_one_after_the_other() -> None:
    stages = stages_of("ab", MODES, None)
    assert [(stage.mode, stage.number) for stage in stages] == [
        ("cascading", 1),
        ("cascading", 2),
        ("independent", 1),
        ("independent", 2),
    ]
