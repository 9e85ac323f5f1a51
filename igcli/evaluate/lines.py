"""The lines of evaluation.jsonl: one for each image, method and target, appended as it is done."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from igcli.errors import OutputError
from igcli.metrics import Curve
from igcli.outputs import lock, run_files
from igcli.outputs.folder import Appender, OutputFolder
from igcli.outputs.journal import parse, to_line
from igcli.outputs.lock import Lock
from igcli.outputs.shards import Shard

NAME, FOLDER = run_files.EVALUATION_LINES, run_files.EVALUATION_PARTS

LineKey = tuple[str, str, int]
"""Image, method and target."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The metrics of one image's attributions by one method for one target.

    Attributes:
        image: Name of the image.
        method: Name of the method or control.
        target: Index of the explained score.
        metrics: Values by metric; None where one is undefined.
        curves: The curves of metrics that have one.
        options: The options of each metric.
        inputs: Hash of what the attributions were made of.
        warnings: One line each.
    """

    image: str
    method: str
    target: int
    metrics: Mapping[str, float | None]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    options: Mapping[str, object] = field(default_factory=dict)
    inputs: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> LineKey:
        """What it is about."""
        return self.image, self.method, self.target

    def record(self) -> dict[str, object]:
        """Return the line for JSON."""
        curves = {
            name: {"shares": curve.shares.tolist(), "scores": curve.scores.tolist()}
            for name, curve in self.curves.items()
        }
        return {
            "image": self.image,
            "method": self.method,
            "target": self.target,
            "metrics": dict(self.metrics),
            "curves": curves,
            "options": dict(self.options),
            "inputs": self.inputs,
            "warnings": list(self.warnings),
        }


def rounded(value: float) -> float:
    """Return seven digits, all that float32 holds, so that what is read back is equal."""
    return float(f"{value:.7g}")


def rounded_curve(curve: Curve) -> Curve:
    """Return a curve in seven digits."""
    shares, scores = (np.array([*map(rounded, axis)]) for axis in (curve.shares, curve.scores))
    return Curve(shares, scores)


def line_of(record: Mapping[str, Any]) -> Line | None:
    """Return the line that a record is; None for one that is none."""
    image, method, target = (record.get(name) for name in ("image", "method", "target"))
    metrics, curves = record.get("metrics"), record.get("curves", {})
    options, warnings = record.get("options", {}), record.get("warnings", [])
    if not (isinstance(method, str) and isinstance(target, int) and isinstance(metrics, dict)):
        return None
    if not (isinstance(curves, dict) and isinstance(options, dict)):
        return None
    try:
        return Line(
            str(image),
            method,
            target,
            {name: None if value is None else float(value) for name, value in metrics.items()},
            {
                name: Curve(
                    np.asarray(curve["shares"], np.float64), np.asarray(curve["scores"], np.float64)
                )
                for name, curve in curves.items()
            },
            options,
            str(record.get("inputs")),
            tuple(map(str, warnings)),
        )
    except (TypeError, ValueError, KeyError):
        return None


def read_lines(folder: OutputFolder) -> dict[LineKey, Line]:
    """Return the last line about each image, method and target, those of shards included.

    Raises:
        OutputError: They cannot be read.
    """
    shards = [f"{FOLDER}/{name}" for name in folder.names(FOLDER) if name.endswith(".jsonl")]
    names = [*shards, *([NAME] if folder.has(NAME) else [])]
    records = (parse(line) for name in names for line in folder.lines(name))
    lines = (line_of(record) for record in records if record is not None)
    return {line.key: line for line in lines if line is not None}


class LineWriter:
    """Appends lines, each whole or not at all."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender

    def append(self, line: Line) -> None:
        """Append a line.

        Raises:
            OutputError: It cannot be written.
        """
        self._appender.append(to_line(line.record()))


@contextmanager
def open_lines(folder: OutputFolder, shard: Shard | None) -> Iterator[LineWriter]:
    """Open the lines of an evaluation, or of a shard of it, for this process alone.

    Raises:
        OutputError: A run or another evaluation is writing here.
    """
    name = NAME if shard is None else f"{FOLDER}/{shard}.jsonl"
    lock_name = lock.NAME if shard is None else f"{FOLDER}/{shard}.lock"
    with Lock(folder, lock_name):
        _refuse_others(folder, shard)
        appender = folder.appender(name)
        try:
            yield LineWriter(appender)
        finally:
            appender.close()


def _refuse_others(folder: OutputFolder, shard: Shard | None) -> None:
    locks = [name for name in folder.names(FOLDER) if name.endswith(".lock")]
    if shard is None:
        held = any(lock.is_held(folder, f"{FOLDER}/{name}") for name in locks)
    else:
        held = lock.is_held(folder)
    if held:
        raise OutputError(f"output {folder.path!r} is in use by another run or evaluation")
