"""xplique."""

import importlib
from typing import Any

import numpy as np
import tensorflow as tf
from benchmarks.agreement_workers.common import keras_model, run

attributions: Any = importlib.import_module("xplique.attributions")


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the explanations of all methods."""
    model, image = keras_model(given), given["image"][None]
    wanted = np.eye(5, dtype=np.float32)[[int(given["target"])]]
    samples = len(given["noise"])

    def explained(name: str, **options: Any) -> Any:
        explainer = getattr(attributions, name)(model, reducer=None, batch_size=64, **options)
        return np.asarray(explainer.explain(image, wanted))[0]

    def noisy(name: str) -> Any:
        tf.random.normal = lambda *_, **__: tf.constant(given["noise"])
        return explained(name, nb_samples=samples, noise=1.0)

    def activation_map(name: str) -> Any:
        kept = tf.image.resize, tf.reduce_mean
        tf.image.resize = lambda values, size, **_: kept[0](values, size)
        if name == "GradCAMPP":
            tf.reduce_mean = tf.reduce_sum
        explainer = getattr(attributions, name)(model, conv_layer=1)
        found = np.asarray(explainer.explain(image, wanted))[0]
        tf.image.resize, tf.reduce_mean = kept
        return np.repeat(found / 3, 3, -1)

    def rise() -> Any:
        """Return RISE with our masks, one at a time: a batch of its masks has one crop."""
        grids, crops, total = (
            given["grids"],
            iter(given["shifts"]),
            np.zeros((*image.shape[1:3], 1)),
        )

        def crop(large: Any, size: Any) -> Any:
            down, across = next(crops)
            cut = large[:, down : down + size[1], across : across + size[2]]
            total[...] += cut.numpy()[0]
            return cut

        tf.config.run_functions_eagerly(True)
        attributions.Rise._get_masks = lambda *_: tf.constant(grids[..., None])
        tf.image.random_crop = crop
        explainer = attributions.Rise(model, batch_size=1, nb_samples=len(grids))
        means = np.asarray(explainer.explain(image, wanted))[0].reshape(total.shape)
        tf.config.run_functions_eagerly(False)
        return np.repeat(means * (total + 1e-4) / (0.5 * len(grids)) / 3, 3, axis=2)

    falls = attributions.Occlusion(model, patch_size=4, patch_stride=4, occlusion_value=0.0)
    occluded = np.asarray(falls.explain(image, wanted))[0].reshape(image.shape[1:3])
    return {
        "occlusion": np.repeat(occluded[..., None] / 3, 3, axis=2),
        "rise": rise(),
        "grad_cam": activation_map("GradCAM"),
        "grad_cam_plus_plus": activation_map("GradCAMPP"),
        "saliency": explained("Saliency"),
        "gradient_input": explained("GradientInput"),
        "integrated": explained(
            "IntegratedGradients", steps=int(given["steps"]), baseline_value=0.0
        ),
        "smoothgrad": noisy("SmoothGrad"),
        "squaregrad": noisy("SquareGrad"),
        "vargrad": noisy("VarGrad"),
    }


if __name__ == "__main__":
    run(find)
