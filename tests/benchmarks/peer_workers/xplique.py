"""xplique, which compiles its gradients itself."""

import importlib
from typing import Any

import numpy as np
from benchmarks.peer_workers import tf_networks
from benchmarks.peer_workers.serving import Array, Asked, Found, Images, serve


class Xplique:
    """`IntegratedGradients` with its trapezoid rule; its baseline is one number."""

    def __init__(self, asked: Asked) -> None:
        if asked.precision == "bfloat16":
            tf_networks.round_to_bfloat16()
        attributions: Any = importlib.import_module("xplique.attributions")
        self._explainer = attributions.IntegratedGradients
        self._model = tf_networks.load(asked)

    def attribute(self, images: Images, *, steps: int, batch_size: int) -> Found:
        explainer = self._explainer(
            self._model,
            batch_size=batch_size,
            reducer=None,
            steps=steps,
            baseline_value=float(images.baseline),
        )
        wanted = np.eye(self._model.output_shape[-1], dtype=np.float32)[images.targets]
        found = explainer.explain(images.inputs, wanted)
        return Found(found.numpy(), steps * len(images.inputs))

    def scores(self, images: Images) -> tuple[Array, Array]:
        return tf_networks.target_scores(self._model, images)


if __name__ == "__main__":
    serve(Xplique, ["xplique", *tf_networks.PACKAGES])
