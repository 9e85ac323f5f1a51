"""The table of an evaluation and its sentences, as they are printed."""

from collections.abc import Mapping, Sequence

import pytest

from igcli.evaluate.controls import CONTROLS
from igcli.evaluate.report import findings, table
from igcli.evaluate.statistics import Statistics, statistics_of
from igcli.gallery.evaluation import section_of
from igcli.metrics import METRICS

Column = Sequence[float | None]


def computed(columns: Mapping[str, Column], *, higher: bool | None) -> Statistics:
    values = {
        method: {f"{i}.png": value for i, value in enumerate(column)}
        for method, column in columns.items()
    }
    return statistics_of(values, CONTROLS, higher_is_better=higher, seed=0)


def flat(count: int = 8, **means: float) -> dict[str, list[float | None]]:
    """Return values that are the same for all images: their intervals have no width."""
    return {method: [mean] * count for method, mean in means.items()}


def example() -> dict[str, Statistics]:
    deletion = {
        "gradients": [0.5, 0.25, *[0.375] * 6],
        "integrated_gradients": [0.25] * 8,
        "edges": [0.375] * 8,
    }
    sparseness = flat(gradients=0.0625, integrated_gradients=0.5, edges=0.75)
    completeness: dict[str, Column] = {
        "gradients": [None] * 8,
        "integrated_gradients": [*[0.001] * 7, None],
    }
    return {
        "deletion": computed(deletion, higher=False),
        "completeness": computed(completeness, higher=False),
        "sparseness": computed(sparseness, higher=None),
    }


def interval(method: str, metric: str) -> str:
    found = example()[metric].summaries[method].interval
    assert found is not None
    return f"[{found.low:.4f}, {found.high:.4f}]"


def test_the_table() -> None:
    ends = interval("gradients", "deletion")
    assert ends != "[0.3750, 0.3750]"
    assert [*table(example(), width=120)] == [
        "method                               deletion                    completeness "
        "               sparseness",
        "                              lower is better                 lower is better",
        f"gradients             0.3750 {ends}*                              - "
        "  0.0625 [0.0625, 0.0625]",
        "integrated_gradients  0.2500 [0.2500, 0.2500]   0.001000 [0.001000, 0.001000] "
        "  0.5000 [0.5000, 0.5000]",
        "edges                 0.3750 [0.3750, 0.3750]                               - "
        "  0.7500 [0.7500, 0.7500]",
    ]


def test_the_page_of_a_run_shows_the_same_texts() -> None:
    statistics = example()
    methods = ["gradients", "integrated_gradients", "edges"]
    section = section_of(
        {
            "options": {name: {} for name in statistics},
            "methods": {
                method: {
                    name: one.summaries[method].record()
                    for name, one in statistics.items()
                    if method in one.summaries
                }
                for method in methods
            },
            "controls": ["edges"],
            "better": {},
            "differences": {
                name: [pair.record() for pair in one.differences]
                for name, one in statistics.items()
            },
            "findings": [],
            "curves": {},
        }
    )
    _, _, *lines = table(statistics, width=120)
    for line, (method, _, cells) in zip(lines, section.rows, strict=True):
        assert " ".join(line.split()) == " ".join((method, *cells))


@pytest.mark.parametrize(("width", "count"), [(52, 3), (77, 3), (78, 2), (103, 2), (104, 1)])
def test_columns_that_do_not_fit_go_below(width: int, count: int) -> None:
    lines = [*table(example(), width=width)]
    assert max(map(len, lines)) <= width
    blocks = "\n".join(lines).split("\n\n")
    assert len(blocks) == count
    for block in blocks:
        rows = block.splitlines()
        assert rows[0].startswith("method ")
        assert [row.split()[0] for row in rows[-3:]] == [
            "gradients",
            "integrated_gradients",
            "edges",
        ]
    assert all(name in "\n".join(lines) for name in example())


def test_a_column_alone_may_be_wider() -> None:
    lines = [*table(example(), width=10)]
    assert len("\n".join(lines).split("\n\n")) == 3


@pytest.mark.parametrize(
    ("mean", "written"),
    [
        (0.0, "0.000"),
        (-0.0, "0.000"),
        (1.0, "1.000"),
        (-12.3456, "-12.35"),
        (0.0012344, "0.001234"),
        (98765.4, "98765"),
        (123456.0, "1.235e+05"),
        (0.00012346, "1.235e-04"),
        (-3.5e30, "-3.500e+30"),
    ],
)
def test_numbers_have_four_digits(mean: float, written: str) -> None:
    lines = [*table({"insertion": computed(flat(gradients=mean), higher=True)}, width=80)]
    assert lines[-1].split(maxsplit=1)[1] == f"{written} [{written}, {written}]"


def test_numbers_of_a_column_have_the_same_decimals() -> None:
    means = flat(gradients=123.456, edges=-0.0004)
    lines = [*table({"insertion": computed(means, higher=True)}, width=80)]
    assert lines[-2].endswith("123.5 [123.5, 123.5]")
    assert lines[-1].endswith("0.0 [0.0, 0.0]")


def test_one_image_has_no_interval() -> None:
    one = {"deletion": computed(flat(1, gradients=0.5, edges=0.25), higher=False)}
    assert [*table(one, width=80)] == [
        "method            deletion",
        "           lower is better",
        "gradients           0.5000",
        "edges               0.2500",
    ]
    assert [*findings(one)] == [
        "deletion: too few images to say whether methods beat the controls, 6 are needed"
    ]


def test_what_does_not_beat_a_control_is_said() -> None:
    deletion = example()["deletion"]
    assert [*findings({"deletion": deletion})] == ["* gradients does not beat edges in deletion"]
    worse = computed(flat(gradients=0.125, random=0.0, edges=0.5, center=0.625), higher=True)
    assert [*findings({"insertion": worse})] == [
        "* gradients does not beat edges or center in insertion"
    ]


def test_methods_that_beat_all_controls_are_said_to() -> None:
    better = computed(flat(gradients=1.0, saliency=2.0, random=0.0, center=0.5), higher=True)
    assert [*findings({"insertion": better, "road_lerf": better})] == [
        "every method beats every control in insertion and road_lerf"
    ]
    worse = computed(flat(gradients=0.25, saliency=2.0, random=0.0, center=0.5), higher=True)
    found = [*findings({"insertion": better, "road_lerf": worse})]
    assert found == ["* gradients does not beat center in road_lerf"]


def test_metrics_without_a_direction_get_no_verdict() -> None:
    assert [*findings({"sparseness": example()["sparseness"]})] == []


def test_controls_alone_and_methods_alone_get_no_verdict() -> None:
    for means in (flat(gradients=1.0, saliency=0.5), flat(random=1.0, edges=0.5)):
        assert [*findings({"deletion": computed(means, higher=False)})] == []


def test_undefined_values_are_counted() -> None:
    assert [*findings({"completeness": example()["completeness"]})] == [
        "completeness is undefined for some of 8 images: integrated_gradients (1)"
    ]


def test_nothing_measured_is_an_empty_table() -> None:
    empty = {name: computed({}, higher=None) for name in METRICS}
    assert [*table({}, width=80)] == [*findings({})] == [*findings(empty)] == []
    assert next(table(empty, width=80)).startswith("method ")
