"""PAIR saliency."""

import importlib
from typing import Any

import numpy as np
import tensorflow as tf
from benchmarks.agreement_workers.common import keras_model, run

core: Any = importlib.import_module("saliency.core")

_quantile: Any = np.quantile


def quantile(values: Any, share: Any, interpolation: str = "linear", **options: Any) -> Any:
    """Return a quantile: NumPy 2.4 has no longer the name that guided integrated gradients use."""
    return _quantile(values, share, method=options.pop("method", interpolation), **options)


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the masks of all methods."""
    np.quantile = quantile  # type: ignore[assignment]
    model, target, image = keras_model(given), int(given["target"]), given["image"]

    def call(inputs: Any, call_model_args: Any = None, expected_keys: Any = None) -> dict[str, Any]:
        points = tf.convert_to_tensor(np.asarray(inputs, np.float32))
        with tf.GradientTape() as tape:
            tape.watch(points)
            scores = model(points)[:, target]
        return {core.INPUT_OUTPUT_GRADIENTS: tape.gradient(scores, points).numpy()}

    steps, baseline = int(given["steps"]), given["baseline"]
    plain = core.GradientSaliency()

    def smoothed(*, magnitude: bool) -> Any:
        noise = iter(given["noise"])
        np.random.normal = lambda *_: next(noise)
        return plain.GetSmoothedMask(
            image, call, stdev_spread=0.15, nsamples=len(given["noise"]), magnitude=magnitude
        )

    regions = core.XRAI().GetMask(
        image, call, batch_size=steps, extra_parameters=core.XRAIParameters(steps=steps)
    )
    return {
        "xrai": np.repeat(regions[..., None] / 3, 3, axis=2),
        "gradients": plain.GetMask(image, call),
        "integrated": core.IntegratedGradients().GetMask(
            image, call, x_steps=steps, x_baseline=baseline, batch_size=steps
        ),
        "guided": core.GuidedIG().GetMask(
            image, call, x_steps=steps, x_baseline=baseline, fraction=0.25, max_dist=0.02
        ),
        "blur": core.BlurIG().GetMask(
            image, call, max_sigma=5.0, steps=steps, grad_step=0.01, batch_size=steps
        ),
        "smoothgrad": smoothed(magnitude=False),
        "smoothgrad_squared": smoothed(magnitude=True),
    }


if __name__ == "__main__":
    run(find)
