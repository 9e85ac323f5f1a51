"""What a Keras file says of its network before anything in it is run: version and configuration."""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import h5py
from google.protobuf import text_format

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

Kind = Literal["zip", "folder", "hdf5"]

BEGINNINGS: dict[Kind, bytes] = {"zip": b"PK\x03\x04", "hdf5": b"\x89HDF\r\n\x1a\n"}
"""How files of a kind begin, whatever they are called."""

MOST_BYTES = 1 << 27
"""A configuration larger than this is refused; those of the largest networks have a few MiB."""

_WEIGHTS_ALONE = (
    "model: {path} holds weights without a network: save the whole model (model.save), or name "
    "the network as keras:NAME and this file as model.weights"
)
_NO_NETWORK = "model: {path} is not a Keras file: it is an archive without config.json"
_MEMBERS = ("config.json", "metadata.json")


@dataclass(frozen=True, slots=True)
class SavedConfig:
    """What a Keras file says of its network.

    Attributes:
        kind: "zip" for the format of Keras 3 and late Keras 2, "folder" for the same unpacked,
            "hdf5" for the older one.
        version: Of the Keras that wrote it; empty where the file does not say.
        config: The network's configuration: nested dictionaries and lists.
    """

    kind: Kind
    version: str
    config: Mapping[str, Any]

    @property
    def is_keras_2(self) -> bool:
        """Whether Keras 2 or 1 wrote it; files of early versions do not say."""
        return self.version.partition(".")[0] in ("", "1", "2")


def kind_of(path: str) -> Kind | None:
    """Return which kind of Keras file a path is by its first bytes; None for no such file.

    Raises:
        OSError: It cannot be read.
    """
    if Path(path).is_dir():
        return "folder"
    with Path(path).open("rb") as file:
        start = file.read(8)
    return next((kind for kind, begins in BEGINNINGS.items() if start.startswith(begins)), None)


def read_config(path: str) -> SavedConfig:
    """Read version and configuration.

    Raises:
        ModelError: It is no Keras file, is damaged, or holds weights alone.
    """
    try:
        kind = kind_of(path)
        if kind is None:
            is_empty = not Path(path).stat().st_size
            reason = "it is empty" if is_empty else "it is neither a .keras archive nor HDF5"
            raise ModelError(f"model: {path} is not a Keras file: {reason}")
        version, text = _READERS[kind](path)
        config = json.loads(text)
    except zipfile.BadZipFile:
        raise ModelError(f"model: {path} is damaged: the archive is incomplete") from None
    except KeyError:
        raise ModelError(
            (_NO_NETWORK if kind == "zip" else _WEIGHTS_ALONE).format(path=path)
        ) from None
    except OSError as error:
        reason = error.strerror or f"it is damaged: {error}"
        raise ModelError(f"model: {path} cannot be read: {reason}") from None
    except (ValueError, RecursionError, RuntimeError) as error:
        raise ModelError(f"model: {path} is damaged: its configuration: {error}") from None
    if not isinstance(config, dict):
        raise ModelError(f"model: {path} is damaged: its configuration is no mapping")
    return SavedConfig(kind, version, config)


def parts(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping in a configuration, outer ones first."""
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            yield part
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part


def _of_zip(path: str) -> tuple[str, str]:
    """Return version and configuration; KeyError where there is none."""
    with zipfile.ZipFile(path) as archive:
        for name in _MEMBERS:
            if archive.getinfo(name).file_size > MOST_BYTES:
                raise ValueError(f"{name} is larger than {MOST_BYTES >> 20} MiB")
        config, metadata = (archive.read(name).decode("utf-8") for name in _MEMBERS)
    return _version(metadata), config


def _version(metadata: str) -> str:
    written = json.loads(metadata)
    return str(written.get("keras_version", "")) if isinstance(written, dict) else ""


def _of_folder(path: str) -> tuple[str, str]:
    config, metadata = ((Path(path) / name).read_text("utf-8") for name in _MEMBERS)
    return _version(metadata), config


def _of_hdf5(path: str) -> tuple[str, str]:
    """Return version and configuration; KeyError where there is none."""
    with h5py.File(path, "r") as file:
        version, config = (
            _text(file.attrs.get(name)) for name in ("keras_version", "model_config")
        )
    if not config:
        raise KeyError("model_config")
    return version, config


def _text(value: Any) -> str:
    """Return an attribute as text; h5py gives bytes, text or NumPy's version of either."""
    if value is None:
        return ""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


_READERS: dict[Kind, Callable[[str], tuple[str, str]]] = {
    "zip": _of_zip,
    "folder": _of_folder,
    "hdf5": _of_hdf5,
}


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
