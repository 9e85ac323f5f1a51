"""The engine without files: arrays in, attributions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from igcli.config.explain import explained
from igcli.config.problems import dotted
from igcli.config.schema import KEYS
from igcli.methods import METHODS, MethodOptions
from igcli.models.layers import Side
from igcli.models.load import Model, load
from igcli.models.options import Explained, ModelOptions, Precision
from igcli.models.parts import Parts
from igcli.paths.work import Work
from igcli.pipeline.call import Batch, Call, batch, row_references
from igcli.pipeline.ending import ending_of
from igcli.pipeline.engine import Engine
from igcli.pipeline.explain import explain
from igcli.pipeline.plan import Plan
from igcli.pipeline.rows import row_starts, row_targets, shared_scores
from igcli.pipeline.size import batch_size_for
from igcli.pipeline.targets import Targets, Wanted, parse
from igcli.records import Array, Explanation


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What a method says of N inputs.

    Attributes:
        attributions: Float32, shape of the inputs (N, ...) and in their structure, a list or a
            mapping where there are several; in units of the explained score.
        targets: Int64 (N,), index of the explained output; (N, R) for outputs (N, A, B, ...).
        scores: Float64 (N,), explained score at each input.
        baseline_scores: Float64 (N,), explained score at each baseline.
        completeness_errors: Float64 (N,), |sum - (score - baseline score)| over the magnitude of
            that difference; NaN where it is undefined.
        warnings: Of each input, one line each.
        explanations: All that is known of each input; several inputs are joined to one vector.
    """

    attributions: Any
    targets: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    baseline_scores: npt.NDArray[np.float64]
    completeness_errors: npt.NDArray[np.float64]
    warnings: tuple[tuple[str, ...], ...]
    explanations: tuple[Explanation, ...]


def load_model(
    source: str,
    *,
    device: str = "auto",
    explain: Explained = "probability",
    precision: Precision = "float32",
    trust_model: bool = False,
    **options: Any,
) -> Model:
    """Load a network.

    Args:
        source: A known name ("demo", "keras:ResNet50V2") or the path of a network.
        device: "auto", "cpu", "gpu" or "gpu:N".
        explain: The output as it is, or the value before its softmax or sigmoid.
        precision: What gradients are computed in, "float32" or "bfloat16"; "auto" is float32.
        trust_model: Whether a Keras file may bring code of its author's.
        options: The other keys of `model`, as in the configuration.

    Raises:
        ModelError: The network cannot be read.
        UsageError: The device is not there.
        ValueError: There is no such way to explain, or no such precision.
    """
    for key, value, known in (
        ("explain", explain, get_args(Explained)),
        ("precision", precision, get_args(Precision)),
    ):
        if value not in known:
            raise ValueError(f"{key}: expected {' or '.join(known)}, got {value!r}")
    settings = ModelOptions(source=source, **options)
    return load(settings, device=device, explain=explain, precision=precision, trust=trust_model)


def attribute(
    model: Any,
    inputs: Any,
    *,
    baseline: Any = "black",
    steps: Any = 50,
    method: str = "integrated_gradients",
    target: Any = None,
    output: int | str | None = None,
    layer: Any = None,
    layer_side: Side = "output",
    call_kwargs: Mapping[str, Any] | None = None,
    references: Any = None,
    batch_size: int | None = None,
    device: str = "auto",
    **options: Any,
) -> Attribution:
    """Attribute a score of each input to the input's values.

    Args:
        model: From `load_model` (inputs are then pixels 0...255), a Keras model, or a function of
            TensorFlow tensors; the inputs of these two are what they take.
        inputs: (N, ...), or a list or mapping of several such arrays.
        baseline: For all inputs, or in their structure one for each: a name ("black" is zero), a
            number, an array in the inputs' shape or one row of it; for noise also a mapping.
        steps: Intervals of the path.
        method: Name of the method.
        target: The output to explain: None for the top one, an index, (N,) of them; (N, R) for
            outputs (N, A, B, ...); for a loaded model also a label.
        output: Name or index of the output, where the model has several.
        layer: A Keras layer or its name, to attribute to its values instead of the inputs.
        layer_side: Whether to its "output" or its "input".
        call_kwargs: Further arguments of the model, to which nothing is attributed; arrays with N
            rows travel with their examples.
        references: Baselines that expected_gradients draws from, arrays like the inputs.
        batch_size: Gradient evaluations at a time; chosen for the device if None.
        device: "auto", "cpu", "gpu" or "gpu:N"; a loaded model has its own.
        options: The other keys of path and methods, as in the configuration: seed, smoothgrad.

    Raises:
        ValueError: An argument does not fit the model or the inputs; one line says which.
        ModelError: The model has no gradient.
    """
    if method not in METHODS:
        raise ValueError(f"method: there is none called {method!r}; known are {', '.join(METHODS)}")
    settings = _settings({"steps": steps, **options})
    call = Call(output, layer, layer_side, dict(call_kwargs or {}), device)
    asked = batch(model, inputs, call)
    parts = asked.wrapped.parts
    starts = row_starts(asked.at_layer(baseline), parts, len(asked), seed=settings.seed)
    targets, examples = _targets(model, target, asked), asked.examples()
    scores = shared_scores(starts, examples[0], asked.wrapped.network)
    ending = ending_of(asked.wrapped.network)
    plans = [
        Plan((method,), settings, start, goal, fixed_scores=scores, ending=ending)
        for start, goal in zip(starts, targets, strict=True)
    ]
    if not parts.is_plain:
        ranges = (_ranges(example, parts) for example in examples)
        plans = [replace(plan, spread=each) for plan, each in zip(plans, ranges, strict=True)]
    if references is not None:
        drawn = row_references(references, asked)
        plans = [replace(plan, references=each) for plan, each in zip(plans, drawn, strict=True)]
    size = batch_size or batch_size_for(asked.wrapped.device)
    engine = Engine(asked.wrapped.network, batch_size=size)
    jobs = (
        _numbered(place, example, plan)
        for place, (example, plan) in enumerate(zip(examples, plans, strict=True))
    )
    found = [explanation for _, explanation in sorted(engine.run(jobs), key=lambda pair: pair[0])]
    return _result(found, asked)


def _settings(options: Mapping[str, Any]) -> MethodOptions:
    try:
        return MethodOptions.model_validate(options)
    except ValidationError as error:
        problems = explained(error.errors(include_url=False), KEYS)
        lines = [f"{dotted(each.path)}: {each.message}" for each in problems]
        raise ValueError("; ".join(lines)) from None


def _targets(model: Any, target: Any, asked: Batch) -> list[Targets]:
    shape = asked.wrapped.output_shape
    if isinstance(target, str):
        labels = model.labels if isinstance(model, Model) else None
        return [Targets(parse(target, labels, shape[0], where="target"))] * len(asked)
    targets = row_targets(target, shape, len(asked))
    # A single sigmoid output was split in no and yes.
    split = int(np.prod(shape, dtype=int)) == 1 and asked.wrapped.network.outputs == 2
    return [Targets(Wanted(index=1))] * len(asked) if split else targets


def _ranges(example: Array, parts: Parts) -> Array:
    """Return the range of each input, which added noise is scaled by."""
    values = [value[0] for value in parts.split(example[None])]
    return parts.join([np.full_like(value, np.ptp(value)) for value in values])


def _numbered(place: int, example: Array, plan: Plan) -> Work[tuple[int, Explanation]]:
    [explanation] = yield from explain(example, plan)
    return place, explanation


def _result(found: Sequence[Explanation], asked: Batch) -> Attribution:
    parts, shape = asked.wrapped.parts, asked.wrapped.output_shape
    errors = [each.completeness_error for each in found]
    split = parts.split(np.stack([each.attributions for each in found]))
    flat = np.array([each.target for each in found], np.int64)
    targets = np.stack(np.unravel_index(flat, shape), 1) if len(shape) > 1 else flat
    is_one = int(np.prod(shape, dtype=int)) == 1
    return Attribution(
        attributions=parts.packed(split),
        targets=np.zeros_like(targets) if is_one else targets,
        scores=np.array([each.score for each in found], np.float64),
        baseline_scores=np.array([each.baseline_score for each in found], np.float64),
        completeness_errors=np.array([np.nan if e is None else e for e in errors], np.float64),
        warnings=tuple(each.warnings for each in found),
        explanations=tuple(found),
    )
