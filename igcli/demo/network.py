"""The architecture of `demo`: a small Inception."""

import keras
from keras import layers

from igcli.demo.scenes import CLASSES

# Channels of each block's branches: 1 by 1; 1 by 1 then 3 by 3; 1 by 1 then 5 by 5; after pooling.
_BLOCKS = (
    (16, (16, 24), (8, 12), 12),
    (32, (24, 48), (12, 24), 24),
    (40, (32, 64), (12, 24), 32),
)


def build() -> keras.Model:
    """An untrained network from raw pixels to scores.

    Input (N, 224, 224, 3) float32, RGB 0…255; output (N, number of classes) float32, softmax.
    Resolution falls early, so that a gradient is cheap: 56 by 56 after two convolutions.
    """
    pixels = keras.Input((224, 224, 3), name="pixels")
    x = layers.Rescaling(1 / 255)(pixels)  # no offset: what pads the edges is black, too
    x = _convolve(x, 8, 5, strides=2)
    x = _convolve(x, 32, 4, strides=2)
    for block in _BLOCKS:
        x = layers.AveragePooling2D(3, strides=2, padding="same")(x)
        x = _inception(x, *block)
    x = _convolve(x, 96, 3)
    x = layers.GlobalAveragePooling2D()(x)
    scores = layers.Dense(len(CLASSES), activation="softmax", name="scores")(x)
    return keras.Model(pixels, scores, name="demo")


def _inception(
    x: keras.KerasTensor, one: int, three: tuple[int, int], five: tuple[int, int], pooled: int
) -> keras.KerasTensor:
    """Four branches side by side, joined over the channels."""
    branches = [
        _convolve(x, one, 1),
        _convolve(_convolve(x, three[0], 1), three[1], 3),
        _convolve(_convolve(x, five[0], 1), five[1], 5),
        _convolve(layers.AveragePooling2D(3, strides=1, padding="same")(x), pooled, 1),
    ]
    return layers.Concatenate()(branches)


def _convolve(
    x: keras.KerasTensor, channels: int, side: int, strides: int = 1
) -> keras.KerasTensor:
    """Convolution, batch normalisation and the smooth rectifier x * sigmoid(x).

    Keras's own `silu` is the same, but a custom gradient, which a frozen graph cannot follow.
    """
    x = layers.Conv2D(channels, side, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.Multiply()([x, layers.Activation("sigmoid")(x)])
