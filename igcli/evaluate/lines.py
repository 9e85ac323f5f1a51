"""The lines of evaluation.jsonl: one for each image, method and target, appended as it is done."""

import json
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

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
        warnings: One line each, which starts with the metric's name.
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

    def with_metrics_of(self, other: "Line", names: Collection[str]) -> "Line":
        """Return this line with some metrics of another in the place of its own."""
        own = [warning for warning in self.warnings if not _is_about(warning, names)]
        others = [warning for warning in other.warnings if _is_about(warning, names)]
        return replace(
            self,
            metrics={**self.metrics, **_only(other.metrics, names)},
            curves={**_without(self.curves, names), **_only(other.curves, names)},
            options={**_without(self.options, names), **_only(other.options, names)},
            warnings=tuple(dict.fromkeys((*own, *others))),
        )

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


IsCurrent = Callable[[Line, str], bool]
"""Returns whether a line has a metric, with the options of this evaluation."""

_Json = dict[str, Any]

Value = TypeVar("Value")


def _is_about(warning: str, names: Collection[str]) -> bool:
    return warning.partition(": ")[0] in names


def _only(values: Mapping[str, Value], names: Collection[str]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name in names}


def _without(values: Mapping[str, Value], names: Collection[str]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if name not in names}


def rounded(value: float) -> float:
    """Return seven digits, all that float32 holds, so that what is read back is equal."""
    return float(f"{value:.7g}")


def rounded_curve(curve: Curve) -> Curve:
    """Return a curve in seven digits."""
    shares, scores = (np.array([*map(rounded, axis)]) for axis in (curve.shares, curve.scores))
    return Curve(shares, scores)


class LineReader:
    """Reads lines back; curves at the same shares and equal options share their memory."""

    def __init__(self) -> None:
        self._shares: dict[bytes, npt.NDArray[np.float64]] = {}
        self._options: dict[str, dict[str, object]] = {}

    def line_of(self, record: Mapping[str, Any]) -> Line | None:
        """Return the line that a record is; None for one that igcli did not write."""
        method, target, inputs = (record.get(name) for name in ("method", "target", "inputs"))
        values, curves = record.get("metrics"), record.get("curves")
        options, warnings = record.get("options"), record.get("warnings")
        if not (isinstance(method, str) and type(target) is int and isinstance(inputs, str)):
            return None
        if not all(isinstance(part, dict) for part in (values, curves, options)):
            return None
        if not isinstance(warnings, list) or not all(isinstance(text, str) for text in warnings):
            return None
        try:
            return Line(
                str(record.get("image")),
                method,
                target,
                {sys.intern(name): _value(value) for name, value in cast(_Json, values).items()},
                {
                    sys.intern(name): self._curve(curve)
                    for name, curve in cast(_Json, curves).items()
                },
                self._options.setdefault(json.dumps(options), cast(_Json, options)),
                inputs,
                tuple(warnings),
            )
        except (TypeError, ValueError, KeyError, OverflowError):
            return None

    def _curve(self, record: Mapping[str, Any]) -> Curve:
        """Return a curve; raises ValueError, among others, if it is not one."""
        shares, scores = (np.asarray(record[axis], np.float64) for axis in ("shares", "scores"))
        if shares.ndim != 1 or shares.shape != scores.shape or not shares.size:
            raise ValueError("not a score for each share")
        if not (np.isfinite(shares).all() and np.isfinite(scores).all()):
            raise ValueError("not finite")
        return Curve(self._shares.setdefault(shares.tobytes(), shares), scores)


def _value(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a number")
    return float(value)


def read_lines(folder: OutputFolder, is_current: IsCurrent) -> dict[LineKey, Line]:
    """Return what is known of each image, method and target; lines of shards count as well.

    Lines about the same attributions are joined. Of two values of a metric the later one counts,
    and one with the options of this evaluation more than others.

    Args:
        folder: The output.
        is_current: Whether a line has a metric, with the options of this evaluation.

    Raises:
        OutputError: They cannot be read.
    """
    shards = [f"{FOLDER}/{name}" for name in folder.names(FOLDER) if name.endswith(".jsonl")]
    names = [*shards, *([NAME] if folder.has(NAME) else [])]
    reader = LineReader()
    known: dict[LineKey, Line] = {}
    for record in (parse(line) for name in names for line in folder.lines(name)):
        line = None if record is None else reader.line_of(record)
        if line is not None:
            earlier = known.get(line.key)
            is_same = earlier is not None and earlier.inputs == line.inputs
            known[line.key] = _joined(cast(Line, earlier), line, is_current) if is_same else line
    return known


def _joined(earlier: Line, later: Line, is_current: IsCurrent) -> Line:
    """Return a line with the metrics of both."""
    kept = [
        name
        for name in earlier.metrics
        if name not in later.metrics or (is_current(earlier, name) and not is_current(later, name))
    ]
    return later.with_metrics_of(earlier, kept) if kept else later


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
    if lock.any_held(folder, FOLDER) if shard is None else lock.is_held(folder):
        raise OutputError(f"output {folder.path!r} is in use by another run or evaluation")
