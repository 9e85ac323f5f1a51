"""PAIR saliency with a compiled model function."""

import importlib
from typing import Any

import numpy as np
import tensorflow as tf
from benchmarks.peer_workers import tf_networks
from benchmarks.peer_workers.serving import Array, Asked, Found, Images, serve


class Saliency:
    """`IntegratedGradients`, an image at a time; its points have equal weights."""

    def __init__(self, asked: Asked) -> None:
        if asked.precision == "bfloat16":
            tf_networks.round_to_bfloat16()
        core: Any = importlib.import_module("saliency.core")
        self._explainer = core.IntegratedGradients()
        self._key = core.INPUT_OUTPUT_GRADIENTS
        self._model = model = tf_networks.load(asked)
        self._evaluations = 0

        @tf.function(
            input_signature=[tf.TensorSpec((None, 224, 224, 3)), tf.TensorSpec((), "int64")]
        )  # type: ignore[untyped-decorator]
        def gradients(inputs: Any, target: Any) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(inputs)
                scores = tf.gather(model(inputs), target, axis=1)
            return tape.gradient(scores, inputs)

        self._gradients = gradients

    def attribute(self, images: Images, *, steps: int, batch_size: int) -> Found:
        self._evaluations = 0
        black = np.broadcast_to(images.baseline, images.inputs.shape[1:])
        masks = [
            self._explainer.GetMask(
                image, self._call, target, x_baseline=black, x_steps=steps, batch_size=batch_size
            )
            for image, target in zip(images.inputs, images.targets, strict=True)
        ]
        return Found(np.stack(masks), self._evaluations)

    def _call(self, inputs: Any, call_model_args: Any, expected_keys: Any) -> dict[str, Any]:
        self._evaluations += len(inputs)
        return {self._key: self._gradients(inputs, call_model_args).numpy()}

    def scores(self, images: Images) -> tuple[Array, Array]:
        return tf_networks.target_scores(self._model, images)


if __name__ == "__main__":
    serve(Saliency, ["saliency", *tf_networks.PACKAGES])
