"""The report of an evaluation, as plain text: a table of the means, and sentences on the controls.

The table has a row for each method and control, and a column for each metric: the mean, its
interval, and a mark where the method does not beat a control.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from igcli import metrics
from igcli.evaluate.statistics import FEWEST_IMAGES, Interval, Statistics
from igcli.metrics import MARK, NONE, Mean, write_means

FIRST, GAP = "method", "  "
NO_MARK = " "
"""In place of the mark, so that numbers are aligned."""

DIRECTIONS = {True: "higher is better", False: "lower is better", None: ""}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the table.

    Attributes:
        headings: The metric's name, and which values are better.
        cells: By method.
    """

    headings: tuple[str, str]
    cells: Mapping[str, str]

    @property
    def width(self) -> int:
        """Width of the column, in characters."""
        return max(map(len, (*self.headings, *self.cells.values())))


def table(statistics: Mapping[str, Statistics], *, width: int) -> Iterator[str]:
    """Yield the lines of the table; columns that do not fit beside the others go below them.

    Args:
        statistics: By metric.
        width: Number of characters in a line, which only a single column may exceed.
    """
    methods = [*dict.fromkeys(name for one in statistics.values() for name in one.summaries)]
    columns = [_column(name, one) for name, one in statistics.items()]
    first = max(map(len, (FIRST, *methods)))
    for number, block in enumerate(_blocks(columns, width - first)):
        if number:
            yield ""
        yield _row(FIRST, first, block, [column.headings[0] for column in block])
        directions = _row("", first, block, [column.headings[1] for column in block])
        yield from [directions] if directions else []
        for method in methods:
            cells = [column.cells.get(method, NONE + NO_MARK) for column in block]
            yield _row(method, first, block, cells)


def _blocks(columns: Sequence[_Column], width: int) -> Iterator[Sequence[_Column]]:
    """Yield the columns in groups that fit into the width, or have one column."""
    block: list[_Column] = []
    for column in columns:
        if block and sum(len(GAP) + one.width for one in (*block, column)) > width:
            yield block
            block = []
        block.append(column)
    if block:
        yield block


def _row(name: str, first: int, block: Sequence[_Column], cells: Sequence[str]) -> str:
    padded = (f"{cell:>{column.width}}" for column, cell in zip(block, cells, strict=True))
    return GAP.join((name.ljust(first), *padded)).rstrip()


def _column(metric: str, one: Statistics) -> _Column:
    means = {
        method: Mean(summary.mean, _ends(summary.interval))
        for method, summary in one.summaries.items()
    }
    unbeaten = {difference.first for difference in one.unbeaten}
    cells = {
        method: text if text.endswith(MARK) else text + NO_MARK
        for method, text in write_means(means, unbeaten).items()
    }
    direction = DIRECTIONS[metrics.load(metric).HIGHER_IS_BETTER]
    return _Column((metric + NO_MARK, direction + NO_MARK), cells)


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None else (interval.low, interval.high)


def findings(statistics: Mapping[str, Statistics]) -> Iterator[str]:
    """Yield sentences: what does not beat a control, and where the means lack images.

    Args:
        statistics: By metric.
    """
    judged, unbeaten = [], False
    for name, one in statistics.items():
        verdicts = [pair for pair in one.differences if pair.beats is not None]
        judged += [name] if verdicts else []
        for method in dict.fromkeys(pair.first for pair in verdicts):
            controls = [pair.second for pair in verdicts if pair.first == method and not pair.beats]
            if controls:
                unbeaten = True
                yield f"{MARK} {method} does not beat {_listed(controls, 'or')} in {name}"
    if judged and not unbeaten:
        yield f"every method beats every control in {_listed(judged)}"
    for name, one in statistics.items():
        yield from _lacking(name, one)


def _lacking(name: str, one: Statistics) -> Iterator[str]:
    """Yield what the images without a value mean for a metric."""
    partly = [
        f"{method} ({one.images - summary.images:,})"
        for method, summary in one.summaries.items()
        if 0 < summary.images < one.images
    ]
    if partly:
        yield f"{name} is undefined for some of {one.images:,} images: {_listed(partly)}"
    few = [pair for pair in one.against_controls if 0 < pair.summary.images < FEWEST_IMAGES]
    if few and metrics.load(name).HIGHER_IS_BETTER is not None:
        yield (
            f"{name}: too few images to say whether methods beat the controls, "
            f"{FEWEST_IMAGES} are needed"
        )


def _listed(names: Sequence[str], conjunction: str = "and") -> str:
    *most, last = dict.fromkeys(names)
    return f"{', '.join(most)} {conjunction} {last}" if most else last
