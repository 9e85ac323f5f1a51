"""Preprocessing of pixels inside the differentiated function.

Everything outside it, from baselines to attributions, is in pixel space.

Source: the modes of `keras.applications.imagenet_utils.preprocess_input`.
"""

from collections.abc import Callable
from typing import Any

from igcli.errors import ModelError
from igcli.models.options import Normalization, Preprocess
from igcli.models.runtime import tensorflow

tf = tensorflow()

Function = Callable[[Any], Any]


def _tf(pixels: Any) -> Any:
    return pixels / 127.5 - 1.0


def _torch(pixels: Any) -> Any:
    mean = tf.constant([0.485, 0.456, 0.406])
    return (pixels / 255.0 - mean) / tf.constant([0.229, 0.224, 0.225])


def _caffe(pixels: Any) -> Any:
    return tf.reverse(pixels, [-1]) - tf.constant([103.939, 116.779, 123.68])


def _unit(pixels: Any) -> Any:
    return pixels / 255.0


def _none(pixels: Any) -> Any:
    return pixels


_MODES: dict[str, Function] = {
    "tf": _tf,
    "torch": _torch,
    "caffe": _caffe,
    "unit": _unit,
    "none": _none,
}


def preprocessing(mode: Preprocess | Normalization, *, channels: int = 3) -> Function:
    """Return the differentiable function from pixels 0...255 to the values a network expects.

    Args:
        mode: What the network expects.
        channels: Number of channels of its images, 1 or 3.

    Raises:
        ModelError: The mode needs three channels and the images have one.
    """
    if isinstance(mode, Normalization):
        mean, std = tf.constant(mode.mean, tf.float32), tf.constant(mode.std, tf.float32)
        if channels == 1 and mean.shape.rank + std.shape.rank:
            raise ModelError(
                "model.preprocess: the network takes grey images: give mean and std one number each"
            )
        return lambda pixels: (pixels - mean) / std
    if channels == 1 and mode in ("torch", "caffe"):
        raise ModelError(
            f"model.preprocess: {mode} needs three channels, but the network takes grey images: "
            "use tf, unit, none or {mean: ..., std: ...} with one number each"
        )
    return _MODES[mode]
