"""xplique's metrics."""

import importlib
from typing import Any

import numpy as np
import tensorflow as tf
from benchmarks.agreement_workers.common import keras_model, run

metrics: Any = importlib.import_module("xplique.metrics")


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all metrics."""
    model, images = keras_model(given), given["image"][None]
    wanted = np.eye(5, dtype=np.float32)[[int(given["target"])]]
    explanations = given["attributions"].sum(-1)[None]
    inputs = given["mu_fidelity_inputs"]

    def curve(name: str) -> Any:
        metric = getattr(metrics, name)(model, images, wanted, steps=len(given["image"]))
        return metric.evaluate(explanations)

    fidelity = metrics.MuFidelity(
        model, images, wanted, batch_size=len(inputs), nb_samples=len(inputs)
    )
    left = (inputs != 0).any(-1, keepdims=True).astype(np.float32)
    fidelity._perturb_samples = lambda *_: (tf.constant(inputs), tf.constant(left[None]))
    return {
        "deletion": curve("Deletion"),
        "insertion": curve("Insertion"),
        "mu_fidelity": fidelity.evaluate(explanations),
    }


if __name__ == "__main__":
    run(find)
