"""alibi, whose gradients are taken without compiling."""

import importlib
from typing import Any

import numpy as np
from benchmarks.peer_workers import tf_networks
from benchmarks.peer_workers.serving import Array, Asked, Found, Images, serve


class Alibi:
    """`IntegratedGradients` with its default rule, Gauss-Legendre."""

    def __init__(self, asked: Asked) -> None:
        if asked.precision == "bfloat16":
            tf_networks.keras_in_bfloat16()
        explainers: Any = importlib.import_module("alibi.explainers")
        self._explainer = explainers.IntegratedGradients
        self._model = tf_networks.load(asked)

    def attribute(self, images: Images, *, steps: int, batch_size: int) -> Found:
        explainer = self._explainer(self._model, n_steps=steps, internal_batch_size=batch_size)
        black = np.broadcast_to(images.baseline, images.inputs.shape)
        found = explainer.explain(images.inputs, baselines=black, target=images.targets)
        return Found(found.attributions[0], steps * len(images.inputs))

    def scores(self, images: Images) -> tuple[Array, Array]:
        return tf_networks.target_scores(self._model, images)


if __name__ == "__main__":
    serve(Alibi, ["alibi", *tf_networks.PACKAGES])
