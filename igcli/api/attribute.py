"""The engine without files: arrays in, attributions out."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from igcli.api.inputs import CallOptions, ExampleBatch, batch
from igcli.api.per_example import Range, checked_range, row_targets, shared_scores
from igcli.config.schema import KEYS
from igcli.config.validation_messages import validated
from igcli.integration.baseline_sampler import PIXELS
from igcli.integration.requests import Computation
from igcli.methods import METHODS, MethodOptions, check_steps, with_multiply_by_input
from igcli.models.adapters.callable_model import Scoring
from igcli.models.adapters.input_structure import Parts
from igcli.models.adapters.layer_hook import Side
from igcli.models.load import Model, load
from igcli.models.options import Activation, Explained, ModelOptions, Precision
from igcli.pipeline.calibration.batch_size import batch_size_for
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.explain.network_output import network_output_of
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.explain.targets import Targets, parse_target
from igcli.records import Array, Explanation

Space = Literal["inputs", "layer"]
Computed = Literal["float32", "bfloat16"]


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
        ValueError: An option is unknown or has no such value; one line says which.
        ModelError: The network cannot be read.
        UsageError: The device or a file is not there.
    """
    _check_choice("explain", explain, get_args(Explained))
    _check_choice("precision", precision, get_args(Precision))
    settings = validated(ModelOptions, {"source": source, **options}, KEYS, ("model",))
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
    baseline_space: Space = "inputs",
    input_range: tuple[float, float] | None = None,
    multiply_by_input: bool | None = None,
    call_kwargs: Mapping[str, Any] | None = None,
    references: Any = None,
    explain: Explained = "probability",
    activation: Activation | None = None,
    precision: Computed = "float32",
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
        steps: Intervals of the path, or "auto".
        method: Name of the method.
        target: The output to explain: None for the top one, an index, (N,) of them; (N, R) for
            outputs (N, A, B, ...), which may be tuples; a single one stands for all; for a loaded
            model also a label. A Keras model, or a function with `activation`, that has a single
            output has two classes: 0 for no, 1 for yes.
        output: Name or index of the output, where the model has several.
        layer: A Keras layer or its name, to attribute to its values instead of the inputs; several
            are attributed to together, all on their ways at the same time.
        layer_side: Whether to its "output" or its "input".
        baseline_space: Whether baseline and references are like the "inputs", also for a layer,
            whose values they lead to, or like the values of the "layer".
        input_range: What black and white are to the model, (0, 1) or (-1, 1), which all named
            baselines follow; black is zero if None.
        multiply_by_input: False for gradients alone, without the factor of the input or its
            difference from the baseline.
        call_kwargs: Further arguments of the model, to which nothing is attributed; arrays with N
            rows travel with their examples.
        references: Baselines that expected_gradients draws from, any number of rows.
        explain: The output as it is, "probability", or the value before its softmax or sigmoid,
            "logit".
        activation: "softmax" or "sigmoid", which is added where the model does not end in it.
        precision: What gradients are computed in, "float32" or "bfloat16".
        batch_size: Gradient evaluations at a time; chosen for the device if None.
        device: "auto", "cpu", "gpu" or "gpu:N".
        options: The other keys of path and methods, as in the configuration: seed, smoothgrad.
            A loaded model has its own device, explain, activation and precision.

    Raises:
        ValueError: An argument does not fit the model or the inputs; one line says which.
        UsageError: The device is not there, or is none for the precision; the method cannot be
            refined, and steps are "auto".
        ModelError: The model fails or has no gradient.
        OutOfMemoryError: The device does not hold a single evaluation.
        ImageError: Scores or gradients of an input are not finite.
        IgcliError: A loaded model has no such label or output.
    """
    _check_choice("method", method, METHODS)
    _check_choice("baseline_space", baseline_space, get_args(Space))
    _check_choice("explain", explain, get_args(Explained))
    _check_choice("precision", precision, get_args(Computed))
    if activation is not None:
        _check_choice("activation", activation, get_args(Activation))
    settings = _settings({"steps": steps, **options}, method, multiply_by_input)
    check_steps([method], settings)
    at_layer = baseline_space == "layer"
    if at_layer and layer is None:
        raise ValueError("baseline_space: there is no layer: name one, or leave it out")
    scoring = Scoring(explain, activation, precision, device)
    call = CallOptions(
        output, layer, layer_side, {} if call_kwargs is None else call_kwargs, scoring
    )
    asked = batch(model, inputs, call)
    parts, network = asked.wrapped.parts, asked.wrapped.network
    known_range = _range(input_range, model)
    starts = asked.starts(baseline, seed=settings.seed, input_range=known_range, at_layer=at_layer)
    targets, examples = _targets(model, target, asked), asked.examples()
    scores = shared_scores(starts, examples[0], network)
    drawn = (
        [None] * len(asked)
        if references is None
        else asked.references(references, at_layer=at_layer)
    )
    plans = [
        AttributionSpec(
            (method,),
            settings,
            start,
            goal,
            baseline_scores=scores,
            references=drawn_from,
            noise_scale=None if parts.is_plain else _ranges(example, parts),
            noise_mask=None if parts.is_plain else _values(parts),
            network_output=network_output_of(network),
        )
        for example, start, goal, drawn_from in zip(examples, starts, targets, drawn, strict=True)
    ]
    size = _size(batch_size, asked.wrapped.device)
    engine = Engine(network, batch_size=size)
    jobs = (
        _numbered(place, example, plan)
        for place, (example, plan) in enumerate(zip(examples, plans, strict=True))
    )
    found = [explanation for _, explanation in sorted(engine.run(jobs), key=lambda pair: pair[0])]
    return _result(found, asked)


def _check_choice(name: str, value: Any, known: Sequence[str]) -> None:
    """Refuse a value that is none of a few.

    Raises:
        ValueError: The message names the nearest.
    """
    if not (isinstance(value, str) and value in known):
        near = difflib.get_close_matches(str(value), known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"{name}: there is none called {value!r}; known are {', '.join(known)}{hint}"
        )


def _settings(
    options: Mapping[str, Any], method: str, multiply_by_input: bool | None
) -> MethodOptions:
    settings = validated(MethodOptions, _grouped(options, method), KEYS)
    if multiply_by_input is None:
        return settings
    return with_multiply_by_input(settings, method, multiply_by_input)


def _grouped(options: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Return options with those of the method's own, such as `samples`, under its name."""
    group = MethodOptions.model_fields.get(method)
    known = {} if group is None else getattr(group.annotation, "model_fields", {})
    own = {name for name in options if name in known and name not in MethodOptions.model_fields}
    grouped = {name: value for name, value in options.items() if name not in own}
    if own:
        given = grouped.get(method, {})
        inner = {name: options[name] for name in own}
        grouped[method] = {**given, **inner} if isinstance(given, Mapping) else given
    return grouped


def _range(input_range: Any, model: Any) -> Range | None:
    """Return what black and white are, None where nobody knows."""
    checked = checked_range(input_range)
    if not isinstance(model, Model):
        return checked
    if checked not in (None, PIXELS):
        raise ValueError("input_range: a loaded model takes pixels of 0...255: leave it out")
    return PIXELS


def _size(batch_size: Any, device: str) -> int:
    if batch_size is None:
        return batch_size_for(device)
    is_number = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
    if not is_number or batch_size < 1:
        raise ValueError(f"batch_size: must be a whole number, 1 or more, not {batch_size!r}")
    return int(batch_size)


def _targets(model: Any, target: Any, asked: ExampleBatch) -> list[Targets]:
    shape = asked.wrapped.output_shape
    if isinstance(target, str):
        labels = model.labels if isinstance(model, Model) else None
        wanted = parse_target(target, labels, math.prod(shape), where="target")
        if wanted.top > 1:
            raise ValueError(f"target: {target}: one target at a time: top, an index or a label")
        return [Targets(wanted)] * len(asked)
    return row_targets(target, shape, len(asked))


def _ranges(example: Array, parts: Parts) -> Array:
    """Return the range of each input, which added noise is scaled by."""
    values = [value[0] for value in parts.split(example[None])]
    return parts.join([np.full_like(value, np.ptp(value)) for value in values])


def _values(parts: Parts) -> npt.NDArray[np.bool_]:
    """Return which values of a joined example are its inputs', others than its number."""
    ones = [np.ones(shape, np.float32) for shape in parts.shapes]
    return parts.join(ones, number=0) > 0


def _numbered(
    place: int, example: Array, plan: AttributionSpec
) -> Computation[tuple[int, Explanation]]:
    [explanation] = yield from explain(example, plan)
    return place, explanation


def _result(found: Sequence[Explanation], asked: ExampleBatch) -> Attribution:
    parts, shape = asked.wrapped.parts, asked.wrapped.output_shape
    errors = [each.completeness_error for each in found]
    split = parts.split(np.stack([each.attributions for each in found]))
    flat = np.array([each.target for each in found], np.int64)
    targets = np.stack(np.unravel_index(flat, shape), 1) if len(shape) > 1 else flat
    return Attribution(
        attributions=parts.packed(split),
        targets=targets,
        scores=np.array([each.score for each in found], np.float64),
        baseline_scores=np.array([each.baseline_score for each in found], np.float64),
        completeness_errors=np.array([np.nan if e is None else e for e in errors], np.float64),
        warnings=tuple(each.warnings for each in found),
        explanations=tuple(found),
    )
