"""The report of the test, as plain text: a table with a row for each method and stage."""

from collections.abc import Iterator, Sequence

from igcli.sanity.run import Start
from igcli.sanity.similarity import Similarity
from igcli.sanity.stages import Stage
from igcli.sanity.summary import Row

INTACT = "as it is"

_GAP = "  "
_WIDTHS = {"layers": 9, "correlation": 11, "absolute": 8, "SSIM": 7, "score": 9}
"""Width of each column, in characters; the method and the layer follow."""

_SHORTEST = 12
"""Characters of a layer's name that are always shown."""


class Table:
    """Makes the lines of the table.

    The layer is last, as it may have any length. The method has a column if there are several.
    """

    def __init__(self, methods: Sequence[str], layers: int, *, width: int | None = None) -> None:
        """Set the columns.

        Args:
            methods: Names of the methods.
            layers: Number of layers of the network.
            width: Number of characters in a line, to which the names of layers are cut; None to
                leave them whole.
        """
        self._methods, self._layers, self._width = methods, layers, width

    def head(self, start: Start) -> Iterator[str]:
        """Yield the headings, the controls, and the score of the network as it is."""
        yield self._line([*_WIDTHS], "method", "down to")
        for name, values in start.controls.items():
            yield self._line(["-", *_cells(values), "-"], "-", f"control: {name}")
        if start.score is not None:
            yield self._line([self._count(0), "-", "-", "-", f"{start.score:.4g}"], "-", INTACT)

    def row(self, row: Row) -> str:
        """Return the line of a method at a stage."""
        score = "-" if row.score is None else f"{row.score:.4g}"
        cells = [self._count(row.stage.number), *_cells(row.mean), score]
        return self._line(cells, row.method, _where(row.stage))

    def _count(self, number: int) -> str:
        return f"{number} of {self._layers}"

    def _line(self, cells: Sequence[str], method: str, where: str) -> str:
        padded = [f"{cell:>{width}}" for cell, width in zip(cells, _WIDTHS.values(), strict=True)]
        if len(self._methods) > 1:
            padded.append(method.ljust(max(map(len, self._methods))))
        line = _GAP.join([*padded, ""])
        return line + self._cut(where, len(line))

    def _cut(self, name: str, used: int) -> str:
        room = len(name) if self._width is None else max(self._width - used, _SHORTEST)
        if len(name) > room:
            name = name.rpartition("/")[0] or name  # The last part is the operation.
        return name if len(name) <= room else f"...{name[3 - room :]}"


def _where(stage: Stage) -> str:
    return stage.layer if stage.mode == "cascading" else f"{stage.layer} alone"


def _cells(values: Similarity) -> list[str]:
    return ["-" if value is None else f"{value:.4f}" for value in values.record().values()]


def flat_methods(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a warning for each method some of whose attributions cannot be compared.

    Where none can, the verdict says so.
    """
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(row.method, []).append(row)
    for method, own in by_method.items():
        worst = max(own, key=lambda row: row.flat)
        if worst.flat and any(row.is_comparable for row in own):
            yield (
                f"{method}: warning: flat attributions, which have no order: "
                f"{worst.flat:,} of {worst.images:,} images"
            )
