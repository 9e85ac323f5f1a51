"""The networks of `keras.applications`: input sizes, preprocessing and weights files.

Source: https://keras.io/api/applications and the code of Keras 3.15.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PREFIX = "keras:"


@dataclass(frozen=True, slots=True)
class Application:
    """A network of `keras.applications`.

    Attributes:
        size: Height and width of its input.
        preprocess: What it expects of pixels; "none" if its own layers scale them.
        weights: Name of the file in which Keras keeps its ImageNet weights.
    """

    size: int
    preprocess: Literal["tf", "torch", "caffe", "none"]
    weights: str


_KERNELS = "weights_tf_dim_ordering_tf_kernels"

APPLICATIONS: dict[str, Application] = {
    "ConvNeXtTiny": Application(224, "none", "convnext_tiny.h5"),
    "ConvNeXtSmall": Application(224, "none", "convnext_small.h5"),
    "ConvNeXtBase": Application(224, "none", "convnext_base.h5"),
    "ConvNeXtLarge": Application(224, "none", "convnext_large.h5"),
    "ConvNeXtXLarge": Application(224, "none", "convnext_xlarge.h5"),
    "DenseNet121": Application(224, "torch", f"densenet121_{_KERNELS}.h5"),
    "DenseNet169": Application(224, "torch", f"densenet169_{_KERNELS}.h5"),
    "DenseNet201": Application(224, "torch", f"densenet201_{_KERNELS}.h5"),
    "EfficientNetB0": Application(224, "none", "efficientnetb0.h5"),
    "EfficientNetB1": Application(240, "none", "efficientnetb1.h5"),
    "EfficientNetB2": Application(260, "none", "efficientnetb2.h5"),
    "EfficientNetB3": Application(300, "none", "efficientnetb3.h5"),
    "EfficientNetB4": Application(380, "none", "efficientnetb4.h5"),
    "EfficientNetB5": Application(456, "none", "efficientnetb5.h5"),
    "EfficientNetB6": Application(528, "none", "efficientnetb6.h5"),
    "EfficientNetB7": Application(600, "none", "efficientnetb7.h5"),
    "EfficientNetV2B0": Application(224, "none", "efficientnetv2-b0.h5"),
    "EfficientNetV2B1": Application(240, "none", "efficientnetv2-b1.h5"),
    "EfficientNetV2B2": Application(260, "none", "efficientnetv2-b2.h5"),
    "EfficientNetV2B3": Application(300, "none", "efficientnetv2-b3.h5"),
    "EfficientNetV2S": Application(384, "none", "efficientnetv2-s.h5"),
    "EfficientNetV2M": Application(480, "none", "efficientnetv2-m.h5"),
    "EfficientNetV2L": Application(480, "none", "efficientnetv2-l.h5"),
    "InceptionResNetV2": Application(299, "tf", f"inception_resnet_v2_{_KERNELS}.h5"),
    "InceptionV3": Application(299, "tf", f"inception_v3_{_KERNELS}.h5"),
    "MobileNet": Application(224, "tf", "mobilenet_1_0_224_tf.h5"),
    "MobileNetV2": Application(224, "tf", f"mobilenet_v2_{_KERNELS}_1.0_224.h5"),
    "MobileNetV3Large": Application(224, "none", "weights_mobilenet_v3_large_224_1.0_float.h5"),
    "MobileNetV3Small": Application(224, "none", "weights_mobilenet_v3_small_224_1.0_float.h5"),
    "NASNetLarge": Application(331, "tf", "nasnet_large.h5"),
    "NASNetMobile": Application(224, "tf", "nasnet_mobile.h5"),
    "ResNet50": Application(224, "caffe", f"resnet50_{_KERNELS}.h5"),
    "ResNet101": Application(224, "caffe", f"resnet101_{_KERNELS}.h5"),
    "ResNet152": Application(224, "caffe", f"resnet152_{_KERNELS}.h5"),
    "ResNet50V2": Application(224, "tf", f"resnet50v2_{_KERNELS}.h5"),
    "ResNet101V2": Application(224, "tf", f"resnet101v2_{_KERNELS}.h5"),
    "ResNet152V2": Application(224, "tf", f"resnet152v2_{_KERNELS}.h5"),
    "VGG16": Application(224, "caffe", f"vgg16_{_KERNELS}.h5"),
    "VGG19": Application(224, "caffe", f"vgg19_{_KERNELS}.h5"),
    "Xception": Application(299, "tf", f"xception_{_KERNELS}.h5"),
}


def cached_weights(name: str) -> Path:
    """Return the path at which Keras keeps the downloaded ImageNet weights of a network."""
    home = os.environ.get("KERAS_HOME")
    folder = Path(home) if home else Path("~/.keras").expanduser()
    return folder / "models" / APPLICATIONS[name].weights
