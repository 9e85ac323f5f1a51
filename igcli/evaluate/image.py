"""The evaluation of one image: its attributions are read, and measured beside the controls."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from igcli import metrics
from igcli.errors import IgcliError, ImageError
from igcli.evaluate import controls
from igcli.evaluate.lines import Line, LineKey, rounded, rounded_curve
from igcli.evaluate.masks import Masks, ObjectMask
from igcli.evaluate.options import EvaluationOptions
from igcli.evaluate.subjects import Attributed, ImageArrays, attributed, read_image
from igcli.integration.requests import Computation
from igcli.methods import Task
from igcli.metrics import Curve, Subject
from igcli.outputs.folder import OutputFolder
from igcli.pipeline.engine.engine import Job, in_background
from igcli.pipeline.explain.explain import averaged
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.records import Array, Record

CHANGING = ("image_sha256", "model_sha256", "config_sha256", "revision")
"""Fields of a record that tell whether the attributions are still the same."""


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationContext:
    """What the images of an evaluation share.

    Attributes:
        options: What it computes.
        folder: The output of the run.
        method: The main method of the run.
        seed: The run's seed.
        spec: The attribution settings, to attribute changed images; None without a network.
        input_shape: Shape of the network's input; None without a network.
        outputs: Number of the network's scores.
        masks: The masks of objects; None without.
        earlier: The lines of earlier evaluations.
        watch: Called with the name of each metric as it begins.
    """

    options: EvaluationOptions
    folder: OutputFolder
    method: str
    seed: int
    spec: AttributionSpec | None = None
    input_shape: tuple[int, ...] | None = None
    outputs: int = 0
    masks: Masks | None = None
    earlier: Mapping[LineKey, Line] = field(default_factory=dict)
    watch: Callable[[str], object] = lambda _: None


@dataclass(frozen=True, slots=True)
class EvaluatedImage:
    """The outcome of one image.

    Attributes:
        image: Its name.
        lines: A line for each method and target, controls included.
        computed: Those of them that are new.
        warnings: One line each, about the image itself.
        error: Why there are none, if so.
    """

    image: str
    lines: tuple[Line, ...] = ()
    computed: tuple[Line, ...] = ()
    warnings: tuple[str, ...] = ()
    error: str = ""


def evaluate_image(record: Record, context: EvaluationContext) -> Job[EvaluatedImage]:
    """Evaluate one image; its own errors become its outcome."""
    try:
        return (yield from _evaluated(record, context))
    except IgcliError as error:
        return EvaluatedImage(record["image"], error=str(error))


def missing_metrics(record: Record, context: EvaluationContext) -> set[str]:
    """Return the metrics that an image lacks for any method; none for one that has no arrays."""
    try:
        plans = _planned(record, attributed(record, context.method), context)
    except IgcliError:
        return set()  # Reported in its turn.
    return {name for plan in plans for name in plan.missing}


def _evaluated(record: Record, context: EvaluationContext) -> Job[EvaluatedImage]:
    entries = attributed(record, context.method)
    planned = _planned(record, entries, context)
    lines: list[Line] = [plan.line for plan in planned]
    notes: tuple[str, ...] = ()
    if any(plan.missing for plan in planned):
        arrays = yield from in_background(read_image, record, entries, context.folder)
        if context.input_shape is not None:
            _check(entries, arrays, context)
        subjects = _Subjects(record, arrays, context)
        notes = yield from in_background(subjects.read_mask)
        for index, plan in enumerate(planned):
            if plan.missing:
                lines[index] = yield from _measured(plan, subjects.of(plan.entry), context)
    computed = [
        line
        for line, plan in zip(lines, planned, strict=True)
        if plan.missing and line.record() != plan.line.record()
    ]
    return EvaluatedImage(record["image"], tuple(lines), tuple(computed), notes)


def _check(entries: list[Attributed], arrays: ImageArrays, context: EvaluationContext) -> None:
    """Ensure that the network takes the image and has the targets.

    Raises:
        ImageError: It does not.
    """
    shape, takes = arrays.pixels.shape, context.input_shape
    if shape != takes:
        raise ImageError(
            f"its arrays have shape {shape}, and the network takes {takes}: attribute it again"
        )
    target = max(entry.target for entry in entries)
    if target >= context.outputs:
        raise ImageError(
            f"its record has the target {target}, and the network {context.outputs:,} outputs"
        )


def _all(entries: list[Attributed], context: EvaluationContext) -> Iterator[Attributed]:
    """Yield the attributions, and after them the controls for each target."""
    yield from entries
    if context.options.controls:
        targets = {entry.target: entry for entry in reversed(entries)}
        for target in sorted(targets):
            for name in controls.CONTROLS:
                yield replace(targets[target], method=name, complete=False)


def inputs_of(record: Record) -> str:
    """Return a hash of what the attributions of an image were made of."""
    text = json.dumps([record.get(name) for name in CHANGING])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to do for one method and target.

    Attributes:
        entry: The attributions.
        line: What earlier evaluations left of it.
        missing: Metrics to compute.
    """

    entry: Attributed
    line: Line
    missing: tuple[str, ...]


def _planned(record: Record, entries: list[Attributed], context: EvaluationContext) -> list[_Plan]:
    inputs = inputs_of(record)
    return [_plan(entry, record["image"], inputs, context) for entry in _all(entries, context)]


def _plan(entry: Attributed, image: str, inputs: str, context: EvaluationContext) -> _Plan:
    line = Line(image, entry.method, entry.target, {}, inputs=inputs)
    earlier = context.earlier.get(line.key)
    if earlier is not None and earlier.inputs == inputs:
        line = earlier
    missing = tuple(
        name
        for name in context.options.metrics
        if _applies(name, entry.method)
        # Masks may have changed, and their metrics are quick.
        and (metrics.load(name).NEEDS_MASK or not context.options.is_current(line, name))
    )
    return _Plan(entry, line, missing)


def _applies(metric: str, method: str) -> bool:
    return method not in controls.CONTROLS or not metrics.load(metric).COMPARES_SCALES


def _measured(plan: _Plan, subject: Subject, context: EvaluationContext) -> Computation[Line]:
    values: dict[str, float | None] = {}
    curves: dict[str, Curve] = {}
    warnings: list[str] = []
    options = context.options
    for name in plan.missing:
        context.watch(name)
        measured = yield from metrics.measure(name, subject, options.metric_options)
        values[name] = None if measured.value is None else rounded(measured.value)
        if measured.curve is not None:
            curves[name] = rounded_curve(measured.curve)
        warnings += [f"{name}: {warning}" for warning in measured.warnings]
    stated = {name: options.of_metric(name) for name in plan.missing}
    new = replace(
        plan.line, metrics=values, curves=curves, options=stated, warnings=tuple(warnings)
    )
    return plan.line.with_metrics_of(new, plan.missing)


class _Subjects:
    """Makes the subjects of one image."""

    def __init__(self, record: Record, arrays: ImageArrays, context: EvaluationContext) -> None:
        self._record, self._arrays, self._context = record, arrays, context
        self._image = arrays.pixels.astype(np.float32)
        self._replacements: dict[str, Array] = {}
        self._mask = ObjectMask(None)

    def read_mask(self) -> tuple[str, ...]:
        """Read the image's mask if masks are given; return what is to be said of it.

        Raises:
            ImageError: It cannot be used.
        """
        masks = self._context.masks
        if masks is not None:
            height, width, _ = self._image.shape
            self._mask = masks.of(self._record, (height, width))
        return self._mask.warnings

    def of(self, entry: Attributed) -> Subject:
        """Return the attributions of a method or control as a subject."""
        context = self._context
        is_control = entry.method in controls.CONTROLS
        attributions = (
            controls.attributions_of(entry.method, self._image, context.seed)
            if is_control
            else self._arrays.attributions[entry.key].astype(np.float32)
        )
        return Subject(
            self._image,
            self._arrays.baseline,
            attributions,
            entry.target,
            entry.score,
            entry.baseline_score,
            complete=entry.complete,
            seed=context.seed,
            mask=self._mask.pixels,
            attribute=self._attributing(entry),
            replacements=self._replacements,
        )

    def _attributing(self, entry: Attributed) -> Callable[[Array], Computation[Array]] | None:
        """Return what attributes changed images as the run attributed this one."""
        context, spec = self._context, self._context.spec
        if entry.method in controls.CONTROLS:
            return lambda image: _control(entry.method, image, context.seed)
        if spec is None:
            return None
        return lambda image: _again(image, entry, spec)


def _control(name: str, image: Array, seed: int) -> Computation[Array]:
    yield from ()
    return controls.attributions_of(name, image, seed)


def _again(image: Array, entry: Attributed, spec: AttributionSpec) -> Computation[Array]:
    task = Task(
        image,
        image,  # Replaced by each of the baselines.
        entry.target,
        score=entry.score,
        baseline_score=entry.baseline_score,
        noise_scale=spec.noise_scale,
        noise_mask=spec.noise_mask,
        references=spec.references,
    )
    explanation = yield from averaged(entry.method, task, spec)
    return explanation.attributions
