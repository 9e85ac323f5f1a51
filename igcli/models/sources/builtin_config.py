"""Is a configuration of Keras 2 made of built-in classes alone, so that loading it runs no code?

`tf_keras` has a safe mode for .keras archives, which imports whatever module these name; for HDF5
files it has none, and a Lambda in them runs when it is loaded. So all is looked at beforehand.
"""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from google.protobuf import text_format

from igcli.models.runtime import tensorflow
from igcli.models.sources.keras_config import parts

tf = tensorflow()

_ROOMS = ("constraints", "initializers", "layers", "mixed_precision", "models", "regularizers")
_CODE = ("Lambda",)
"""Built-in classes that run code of the file's."""

_INNER = (
    *("Functional", "SlicingOpLambda", "TFOpLambda", "TensorFlowOpLayer"),
    *("LayerScale", "StochasticDepth"),
)
"""Classes of tf_keras without a public name: of networks, and of its ConvNeXt."""

_DATA = ("DType", "TensorShape", "__ellipsis__", "__tuple__")
"""What is spelled like a class and is data."""

_MODULES = ("keras", "tf_keras")
_PURE = ("__operators__", "image", "linalg", "math", "nn", "signal")
_SHAPING = frozenset(
    (
        *("broadcast_to", "cast", "clip_by_value", "concat", "convert_to_tensor", "expand_dims"),
        *("fill", "gather", "identity", "norm", "one_hot", "ones_like", "pad", "range", "repeat"),
        *("reshape", "reverse", "roll", "shape", "slice", "split", "squeeze", "stack"),
        *("stop_gradient", "strided_slice", "tensordot", "tile", "transpose", "unstack", "where"),
        *("zeros_like",),
    )
)
"""Functions of TensorFlow that compute and do nothing else, beside those of whole rooms."""

_ACTIVATIONS = "keras.activations"
_FILES = ("decode", "io")
_OPERATIONS = frozenset(
    (
        *("Add", "AddV2", "AvgPool", "BiasAdd", "Cast", "ConcatV2", "Const", "Div", "Exp"),
        *("ExpandDims", "Identity", "L2Loss", "LeakyRelu", "Log", "Max", "MaxPool", "Maximum"),
        *("Mean", "Min", "Minimum", "Mul", "Neg", "Pack", "Pad", "PadV2", "Pow", "Prod", "RealDiv"),
        *("Relu", "Relu6", "Reshape", "ResizeBilinear", "ResizeNearestNeighbor", "ReverseV2"),
        *("Rsqrt", "Shape", "Sigmoid", "Softmax", "Split", "Sqrt", "Square", "Squeeze"),
        *("StridedSlice", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unpack"),
    )
)
"""Operations that a TensorFlowOpLayer of TensorFlow 2.0 to 2.3 may have."""


def foreign(config: Mapping[str, Any], keras: ModuleType) -> str | None:
    """Return the first thing in a configuration that is not built in, in words; None if all is.

    Args:
        config: Of a network of Keras 2; how it was trained is nothing that is loaded.
        keras: The package whose classes count, `tf_keras`.
    """
    known = {name for room in _ROOMS for name in vars(getattr(keras, room))}
    known = {*known, *_INNER, *_DATA}.difference(_CODE)
    network = {key: value for key, value in config.items() if key != "compile_config"}
    return next((found for part in parts(network) for found in _foreign(part, known)), None)


def _foreign(part: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    name = part.get("class_name")
    if name is None:
        return
    module, registered = part.get("module"), part.get("registered_name")
    if name == "Lambda":
        yield "a Lambda layer"
    elif not isinstance(name, str) or name not in known:
        yield f"the class {name}"
    elif module is not None and str(module).partition(".")[0] not in _MODULES:
        yield f"the class {name} of the module {module}"
    elif registered not in (None, name):
        yield f"the class {registered}"
    config = part.get("config")
    if isinstance(config, dict):
        yield from _foreign_operation(name, config)


def _foreign_operation(name: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Look at layers that stand for a function or an operation of TensorFlow."""
    function = config.get("function")
    if name in ("TFOpLambda", "SlicingOpLambda") and not _is_pure(function):
        yield f"the function {function}"
    if name == "TensorFlowOpLayer" and (operation := _operation(config)) not in _OPERATIONS:
        yield f"the operation {operation}"


def _is_pure(function: Any) -> bool:
    if not isinstance(function, str):
        return False
    name = function.removeprefix("compat.v1.")
    room, _, own = name.rpartition(".")
    is_file = any(word in own for word in _FILES)
    is_pure = room.partition(".")[0] in _PURE or room == _ACTIVATIONS
    return name in _SHAPING or (is_pure and not is_file)


def _operation(config: Mapping[str, Any]) -> str:
    node = tf.compat.v1.NodeDef()
    try:
        text_format.Parse(str(config.get("node_def")), node)
    except text_format.ParseError:
        return "that cannot be read"
    return str(node.op)
