"""PAIR saliency's performance information curves."""

import importlib
from typing import Any

import numpy as np
from benchmarks.agreement_workers.common import keras_model, run

pic: Any = importlib.import_module("saliency.metrics.pic")

THRESHOLDS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.10, 0.13, 0.21, 0.34, 0.5, 0.75)
"""Those of its example."""


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the areas under both curves."""
    np.trapz = np.trapezoid  # type: ignore[attr-defined]  # NumPy 2.4 has it no longer.
    model, target = keras_model(given), int(given["target"])
    image = given["image"].astype(np.uint8)

    def softmax(images: Any) -> Any:
        return model(images.astype(np.float32)).numpy()[:, target]

    def accuracy(images: Any) -> Any:
        scores = model(images.astype(np.float32)).numpy()
        return (scores.argmax(1) == target).astype(np.float64)

    def area(performance: Any) -> Any:
        return pic.compute_pic_metric(
            image,
            given["attributions"].sum(-1, dtype=np.float64),
            given["seen"],
            performance,
            THRESHOLDS,
            min_pred_value=0,
        ).auc

    return {"sic": area(softmax), "aic": area(accuracy)}


if __name__ == "__main__":
    run(find)
