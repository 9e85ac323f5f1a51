"""The functions and results of the Python interface."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Unpack, get_args

import numpy as np
import numpy.typing as npt

from igcli.api.inputs import CallOptions, ExampleBatch, prepare_batch
from igcli.api.per_example import parse_input_range, shared_baseline_scores, targets_of_examples
from igcli.api.types import (
    Baseline,
    BaselineSpace,
    GradientPrecision,
    InputRange,
    InputsT,
    Layers,
    LoadOptions,
    ModelFunction,
    References,
    Steps,
    Target,
)
from igcli.config.schema import KEYS
from igcli.config.validation_messages import validated
from igcli.integration.baseline_sampler import PIXELS
from igcli.integration.requests import Computation
from igcli.methods import (
    METHODS,
    MethodOptions,
    check_installed,
    check_steps,
    layers_of,
    with_multiply_by_input,
)
from igcli.models.adapters.callable_model import Scoring
from igcli.models.adapters.input_structure import InputStructure
from igcli.models.adapters.layer_hook import LayerSide
from igcli.models.load import Model, load
from igcli.models.options import Activation, Explained, ModelOptions, Precision
from igcli.pipeline.calibration.batch_size import default_batch_size
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain as explain_example
from igcli.pipeline.explain.network_output import network_output_of
from igcli.pipeline.explain.spec import AttributionSpec, check_layers
from igcli.pipeline.explain.targets import Targets, parse_target
from igcli.records import Array, Explanation
from igcli.registry import unknown_name


@dataclass(frozen=True, slots=True, eq=False)
class Attribution(Generic[InputsT]):
    """The attributions of N examples, and the scores that they explain.

    Attributes:
        attributions: Float32, in the shapes (N, ...) and the structure of what is attributed to:
            the inputs, or the values at layers; in units of the explained score.
        targets: Int64 (N,), the index of the explained output; (N, R) for outputs (N, A, B, ...).
        scores: Float64 (N,), the explained score at each input.
        baseline_scores: Float64 (N,), the explained score at each baseline.
        completeness_errors: Float64 (N,), the relative gap between the sum of the attributions and
            the difference of the two scores: |sum - difference| / |difference|. NaN if the method
            does not promise completeness, or the difference is below 1e-6.
        warnings: For each example, one line for each warning.
        explanations: The full result for each example; several inputs are joined to one vector.
    """

    attributions: InputsT
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
    **options: Unpack[LoadOptions],
) -> Model:
    """Load an image classifier by name or from a file.

    A Keras model or a function that is already in memory needs no loading: pass it to `attribute`.

    Args:
        source: A known name ("demo", "inception_v1", "keras:ResNet50V2"), or the path of a .keras,
            .h5 or .onnx file, a SavedModel folder or a frozen .pb graph.
        device: "auto", "cpu", "gpu", "gpu:N", or several: "all" GPUs or "gpu:0,1".
        explain: Explain the output itself, "probability", or the value before its softmax or
            sigmoid, "logit".
        precision: The precision of gradients, "float32" or "bfloat16"; "auto" is float32 here.
        trust_model: Allow a Keras file to run code of its author's.
        options: The other keys of `model` in the configuration, such as `labels="labels.txt"`.

    Returns:
        The model. It takes pixels 0...255, (N, H, W, C): `size` is (H, W), `channels` is C.

    Raises:
        ValueError: An option is unknown or has an invalid value; the message says which.
        UsageError: The device or a file does not exist.
        ModelError: The network cannot be read.

    Example:
        >>> import igcli
        >>> model = igcli.load_model("demo", device="cpu")
        >>> model.size, model.channels
        ((224, 224), 3)
    """
    _check_choice("explain", explain, get_args(Explained))
    _check_choice("precision", precision, get_args(Precision))
    settings = validated(ModelOptions, {"source": source, **options}, KEYS, ("model",))
    return load(settings, device=device, explain=explain, precision=precision, trust=trust_model)


def attribute(
    model: Model | ModelFunction,
    inputs: InputsT,
    *,
    baseline: Baseline = "black",
    steps: Steps = 50,
    method: str = "integrated_gradients",
    target: Target | None = None,
    output: int | str | None = None,
    layer: Layers | None = None,
    layer_side: LayerSide = "output",
    baseline_space: BaselineSpace = "inputs",
    input_range: InputRange | None = None,
    multiply_by_input: bool | None = None,
    call_kwargs: Mapping[str, object] | None = None,
    references: References | None = None,
    explain: Explained = "probability",
    activation: Activation | None = None,
    precision: GradientPrecision = "float32",
    batch_size: int | None = None,
    device: str = "auto",
    **options: object,
) -> Attribution[InputsT]:
    """Attribute a score of each example to the values of its inputs.

    Args:
        model: A model from `load_model`, which takes pixels 0...255; or a Keras model, or a
            function of TensorFlow tensors, which get the inputs as float32 or as the integers that
            they are.
        inputs: (N, ...), or a list or mapping of several such arrays.
        baseline: One for all inputs, or one for each in their structure: a name, a number, an array
            in the input's shape or one row of it, or a mapping for noise. "black" is zero unless
            `input_range` is given.
        steps: Number of intervals of the path, or "auto".
        method: Name of the attribution method.
        target: The output to explain: None for the highest score; an index or indices (N,); indices
            (N, R) for outputs (N, A, B, ...), or one row of them for all examples; with a loaded
            model also a label. A Keras model with a single output has two classes, 0 for no and 1
            for yes; so has a function with `activation`.
        output: Name or index of the output, if the model has several.
        layer: Attribute to the values at this Keras layer instead of the inputs, or at several
            layers together, whose values follow their paths at the same time. The attributions
            have the structure of the layers; type checkers still assume that of the inputs.
        layer_side: Attribute to the layer's "output" or to its "input".
        baseline_space: With `layer`, whether `baseline` and `references` are model inputs,
            "inputs", which are followed to the layer, or values at the "layer".
        input_range: The values of black and white, such as (0, 1) or (-1, 1), which all named
            baselines follow. A loaded model always has (0, 255).
        multiply_by_input: False for the gradients alone, without the factor of the input or of its
            difference from the baseline; None for the method's default.
        call_kwargs: Further keyword arguments of the model, to which nothing is attributed. Arrays
            with N rows are split up by example.
        references: Any number of rows that "expected_gradients" draws its baselines from.
        explain: Explain the output itself, "probability", or the value before its softmax or
            sigmoid, "logit".
        activation: "softmax" or "sigmoid", added if the model does not end in it.
        precision: The precision of gradients, "float32" or "bfloat16".
        batch_size: Gradient evaluations at a time; None chooses for the device.
        device: "auto", "cpu", "gpu", "gpu:N", or several: "all" GPUs or "gpu:0,1".
        options: Other settings of paths and methods, named as in the configuration: `seed=1`,
            `smoothgrad={"samples": 20}`; options of `method` also by themselves: `samples=20`.

    A loaded model has its own device, explain, activation and precision.

    Returns:
        Attributions, scores and completeness errors of the N examples.

    Raises:
        ValueError: An argument does not fit the model or the inputs; the message says which.
        UsageError: The device does not exist or lacks the precision; `steps` is "auto" and the
            method cannot be refined; or the method needs a package that is not installed.
        ModelError: The model fails or has no gradient.
        OutOfMemoryError: The device has too little memory for a single evaluation.
        ImageError: Scores or gradients of an example are not finite.
        IgcliError: A loaded model has no such label or output.

    Example:
        >>> import numpy as np
        >>> import igcli
        >>> rows = np.array([[1.0, 2.0], [3.0, 4.0]])
        >>> result = igcli.attribute(lambda x: x**2, rows, target=1, baseline=1.0)
        >>> result.attributions.round(3).tolist()
        [[0.0, 3.0], [0.0, 15.0]]
        >>> result.scores.tolist(), result.baseline_scores.tolist()
        ([4.0, 16.0], [1.0, 1.0])
    """
    _check_choice("method", method, METHODS)
    _check_choice("baseline_space", baseline_space, get_args(BaselineSpace))
    _check_choice("explain", explain, get_args(Explained))
    _check_choice("precision", precision, get_args(GradientPrecision))
    if activation is not None:
        _check_choice("activation", activation, get_args(Activation))
    settings = _method_options({"steps": steps, **options}, method, multiply_by_input)
    check_installed([method])
    check_steps([method], settings)
    if layer is not None and any(layers_of([method], settings)):
        raise ValueError(
            f"layer: {method} attributes to the inputs: name the layer whose values it uses as "
            f'{method}={{"layer": ...}}'
        )
    at_layer = baseline_space == "layer"
    if at_layer and layer is None:
        raise ValueError("baseline_space: layer: no layer was given: name one, or use inputs")
    scoring = Scoring(explain, activation, precision, device)
    kwargs = {} if call_kwargs is None else call_kwargs
    call = CallOptions(output, layer, layer_side, kwargs, scoring)
    batch = prepare_batch(model, inputs, call)
    structure, network = batch.wrapped.structure, batch.wrapped.network
    check_layers([method], settings, network)
    known_range = _input_range(input_range, model)
    baselines = batch.baselines(
        baseline, seed=settings.seed, input_range=known_range, at_layer=at_layer
    )
    targets, examples = _targets(model, target, batch), batch.joined()
    baseline_scores = shared_baseline_scores(baselines, examples[0], network)
    drawn_from = (
        [None] * len(batch)
        if references is None
        else batch.references(references, at_layer=at_layer)
    )
    specs = [
        AttributionSpec(
            (method,),
            settings,
            example_baselines,
            example_targets,
            baseline_scores=baseline_scores,
            references=example_references,
            noise_scale=None if structure.is_plain else _ranges(example, structure),
            noise_mask=None if structure.is_plain else _is_value(structure),
            network_output=network_output_of(network),
        )
        for example, example_baselines, example_targets, example_references in zip(
            examples, baselines, targets, drawn_from, strict=True
        )
    ]
    engine = Engine(network, batch_size=_batch_size(batch_size, network.device))
    jobs = (
        _indexed(index, example, spec)
        for index, (example, spec) in enumerate(zip(examples, specs, strict=True))
    )
    explanations = dict(engine.run(jobs))
    return _attribution([explanations[index] for index in range(len(batch))], batch)


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of a few.

    Raises:
        ValueError: The message suggests the nearest choice.
    """
    if not (isinstance(value, str) and value in choices):
        raise ValueError(f"{name}: {unknown_name(str(value), choices)}")


def _method_options(
    options: Mapping[str, object], method: str, multiply_by_input: bool | None
) -> MethodOptions:
    settings = validated(MethodOptions, _grouped(options, method), KEYS)
    if multiply_by_input is None:
        return settings
    return with_multiply_by_input(settings, method, multiply_by_input)


def _grouped(options: Mapping[str, object], method: str) -> dict[str, object]:
    """Return options with those of the method itself, such as `samples`, under its name."""
    group = MethodOptions.model_fields.get(method)
    fields = {} if group is None else getattr(group.annotation, "model_fields", {})
    own = {name for name in options if name in fields and name not in MethodOptions.model_fields}
    grouped = {name: value for name, value in options.items() if name not in own}
    if own:
        given = grouped.get(method, {})
        own_options = {name: options[name] for name in own}
        grouped[method] = {**given, **own_options} if isinstance(given, Mapping) else given
    return grouped


def _input_range(input_range: object, model: Model | ModelFunction) -> InputRange | None:
    """Return the values of black and white, None if they are unknown."""
    parsed = parse_input_range(input_range)
    if not isinstance(model, Model):
        return parsed
    if parsed not in (None, PIXELS):
        raise ValueError("input_range: a loaded model takes pixels 0...255: leave it out")
    return PIXELS


def _batch_size(batch_size: int | None, device: str) -> int:
    if batch_size is None:
        return default_batch_size(device)
    is_integer = isinstance(batch_size, int | np.integer) and not isinstance(batch_size, bool)
    if not is_integer or batch_size < 1:
        raise ValueError(f"batch_size: must be a whole number, 1 or more, not {batch_size!r}")
    return int(batch_size)


def _targets(
    model: Model | ModelFunction, target: Target | None, batch: ExampleBatch
) -> list[Targets]:
    shape = batch.wrapped.output_shape
    if isinstance(target, str):
        labels = model.labels if isinstance(model, Model) else None
        choice = parse_target(target, labels, math.prod(shape), where="target")
        if choice.top > 1:
            raise ValueError(f"target: expected top, one index or one label, got {target}")
        return [Targets(choice)] * len(batch)
    return targets_of_examples(target, shape, len(batch))


def _ranges(example: Array, structure: InputStructure) -> Array:
    """Return the range of each input's values, joined, which scales noise that is added."""
    values = [value[0] for value in structure.split(example[None])]
    return structure.join([np.full_like(value, np.ptp(value)) for value in values])


def _is_value(structure: InputStructure) -> npt.NDArray[np.bool_]:
    """Return where a joined example holds values of the inputs, rather than its index."""
    ones = [np.ones(shape, np.float32) for shape in structure.shapes]
    return structure.join(ones, index=0) > 0


def _indexed(
    index: int, example: Array, spec: AttributionSpec
) -> Computation[tuple[int, Explanation]]:
    [explanation] = yield from explain_example(example, spec)
    return index, explanation


def _attribution(explanations: Sequence[Explanation], batch: ExampleBatch) -> Attribution[Any]:
    structure, shape = batch.wrapped.structure, batch.wrapped.output_shape
    errors = [explanation.completeness_error for explanation in explanations]
    joined = np.stack([explanation.attributions for explanation in explanations])
    flat = np.array([explanation.target for explanation in explanations], np.int64)
    targets = np.stack(np.unravel_index(flat, shape), 1) if len(shape) > 1 else flat
    return Attribution(
        attributions=structure.pack(structure.split(joined)),
        targets=targets,
        scores=np.array([explanation.score for explanation in explanations], np.float64),
        baseline_scores=np.array(
            [explanation.baseline_score for explanation in explanations], np.float64
        ),
        completeness_errors=np.array([np.nan if e is None else e for e in errors], np.float64),
        warnings=tuple(explanation.warnings for explanation in explanations),
        explanations=tuple(explanations),
    )
