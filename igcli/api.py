"""The engine without files: arrays in, attributions out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.methods import MethodOptions
from igcli.models.load import Model, load
from igcli.models.options import Explained, ModelOptions
from igcli.paths.starts import starts
from igcli.pipeline.engine import Engine
from igcli.pipeline.explain import explain
from igcli.pipeline.plan import Plan, fixed_scores
from igcli.pipeline.size import batch_size_for
from igcli.records import Array, Explanation


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What a method says of N inputs.

    Attributes:
        attributions: Float32, shape of the inputs (N, ...), in units of the explained score.
        targets: Int64 (N,), index of the explained output.
        scores: Float64 (N,), explained score at each input.
        baseline_scores: Float64 (N,), explained score at each baseline.
        completeness_errors: Float64 (N,), |sum - (score - baseline score)| over the magnitude of
            that difference; NaN where it is undefined.
        explanations: All that is known of each input.
    """

    attributions: Array
    targets: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    baseline_scores: npt.NDArray[np.float64]
    completeness_errors: npt.NDArray[np.float64]
    explanations: tuple[Explanation, ...]


def load_model(
    source: str,
    *,
    device: str = "auto",
    explain: Explained = "probability",
    trust_model: bool = False,
    **options: Any,
) -> Model:
    """Load a network.

    Args:
        source: A known name ("demo", "keras:ResNet50V2") or the path of a network.
        device: "auto", "cpu", "gpu" or "gpu:N".
        explain: The output as it is, or the value before its softmax or sigmoid.
        trust_model: Whether a Keras file may bring code of its author's.
        options: The other keys of `model`, as in the configuration.

    Raises:
        ModelError: The network cannot be read.
        UsageError: The device is not there.
    """
    settings = ModelOptions(source=source, **options)
    return load(settings, device=device, explain=explain, trust=trust_model)


def attribute(
    model: Model,
    inputs: npt.ArrayLike,
    *,
    baseline: str = "black",
    steps: int = 50,
    method: str = "integrated_gradients",
    batch_size: int | None = None,
) -> Attribution:
    """Attribute the top score of each input.

    Args:
        model: From `load_model`.
        inputs: (N, H, W, 3), pixels 0...255, whatever the network's preprocessing.
        baseline: Name of the baseline.
        steps: Intervals of the path.
        method: Name of the method.
        batch_size: Gradient evaluations at a time; chosen for the device if None.

    Raises:
        ValueError: The inputs have another shape than the network's, or are not finite.
    """
    images = _checked(inputs, model.network.input_shape)
    options = MethodOptions.model_validate({"baseline": baseline, "steps": steps})
    start = starts(options.baseline, seed=options.seed)
    plan = Plan((method,), options, start, fixed_scores=fixed_scores(start, model.network))
    engine = Engine(model.network, batch_size=batch_size or batch_size_for(model.device))
    jobs = (_numbered(place, image, plan) for place, image in enumerate(images))
    found = [explanation for _, explanation in sorted(engine.run(jobs), key=lambda pair: pair[0])]
    return _joined(found, images.shape)


def _numbered(place: int, image: Array, plan: Plan) -> Any:
    [explanation] = yield from explain(image, plan)
    return place, explanation


def _checked(inputs: npt.ArrayLike, shape: tuple[int, ...]) -> Array:
    images = np.asarray(inputs, np.float32)
    if images.shape[1:] != shape:
        raise ValueError(f"inputs have shape {images.shape}, expected (N, *{shape})")
    if not np.isfinite(images).all():
        raise ValueError("inputs hold NaN or infinite values")
    return images


def _joined(found: Sequence[Explanation], shape: tuple[int, ...]) -> Attribution:
    errors = [each.completeness_error for each in found]
    return Attribution(
        attributions=np.array([each.attributions for each in found], np.float32).reshape(shape),
        targets=np.array([each.target for each in found], np.int64),
        scores=np.array([each.score for each in found], np.float64),
        baseline_scores=np.array([each.baseline_score for each in found], np.float64),
        completeness_errors=np.array([np.nan if e is None else e for e in errors], np.float64),
        explanations=tuple(found),
    )
