"""The configuration of a Keras file, and whether it needs code of its author's.

Both are found out before any of the file is run: the kind of file, the version of Keras that wrote
it, and, for files of Keras 2, every class, function and operation that its network is built of.
"""

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
from igcli.options import setting

tf = tensorflow()

Kind = Literal["zip", "folder", "hdf5"]

_SIGNATURES: dict[Kind, bytes] = {"zip": b"PK\x03\x04", "hdf5": b"\x89HDF\r\n\x1a\n"}
"""The first bytes of a file of each kind, whatever its name."""

_MEMBERS = ("config.json", "metadata.json")
_MAX_BYTES = 1 << 27
"""A larger configuration is refused; those of the largest networks have a few MiB."""

_WEIGHTS_ONLY = (
    "model: {path} holds weights without a network: save the whole model (model.save), or name "
    f"the network as keras:NAME and this file as {setting('model.weights')}"
)
_NO_NETWORK = "model: {path} is not a Keras file: it is an archive without config.json"


@dataclass(frozen=True, slots=True)
class SavedConfig:
    """What a Keras file says about its network.

    Attributes:
        kind: "zip" for the format of Keras 3 and late Keras 2, "folder" for the same unpacked,
            "hdf5" for the older one.
        version: Version of the Keras that wrote it; empty if the file does not say.
        config: The network's configuration: nested dictionaries and lists.
    """

    kind: Kind
    version: str
    config: Mapping[str, Any]

    @property
    def is_keras_2(self) -> bool:
        """Whether Keras 2 or 1 wrote it; files of early versions do not say."""
        return self.version.partition(".")[0] in ("", "1", "2")


def read_config(path: str) -> SavedConfig:
    """Read the version and the configuration.

    Raises:
        ModelError: The file is not a Keras file, is damaged, or holds weights only.
    """
    try:
        kind = _kind_of(path)
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
            (_NO_NETWORK if kind == "zip" else _WEIGHTS_ONLY).format(path=path)
        ) from None
    except OSError as error:
        reason = error.strerror or f"it is damaged: {error}"
        raise ModelError(f"model: {path} cannot be read: {reason}") from None
    except (ValueError, RecursionError, RuntimeError) as error:
        raise ModelError(f"model: {path} is damaged: its configuration: {error}") from None
    if not isinstance(config, dict):
        raise ModelError(f"model: {path} is damaged: its configuration is not a mapping")
    return SavedConfig(kind, version, config)


def _kind_of(path: str) -> Kind | None:
    """Return the kind of Keras file by its first bytes, or None if it is none."""
    if Path(path).is_dir():
        return "folder"
    with Path(path).open("rb") as file:
        start = file.read(8)
    return next((kind for kind, bytes_ in _SIGNATURES.items() if start.startswith(bytes_)), None)


def _read_zip(path: str) -> tuple[str, str]:
    """Return version and configuration; KeyError if there is none."""
    with zipfile.ZipFile(path) as archive:
        for name in _MEMBERS:
            if archive.getinfo(name).file_size > _MAX_BYTES:
                raise ValueError(f"{name} is larger than {_MAX_BYTES >> 20} MiB")
        config, metadata = (archive.read(name).decode("utf-8") for name in _MEMBERS)
    return _version(metadata), config


def _read_folder(path: str) -> tuple[str, str]:
    config, metadata = ((Path(path) / name).read_text("utf-8") for name in _MEMBERS)
    return _version(metadata), config


def _version(metadata: str) -> str:
    content = json.loads(metadata)
    return str(content.get("keras_version", "")) if isinstance(content, dict) else ""


def _read_hdf5(path: str) -> tuple[str, str]:
    """Return version and configuration; KeyError if there is none."""
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
    "zip": _read_zip,
    "folder": _read_folder,
    "hdf5": _read_hdf5,
}


def mappings(config: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every mapping nested in a configuration, outer ones first."""
    pending = [config]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            yield value
            pending += value.values()
        elif isinstance(value, list):
            pending += value


# What a file of Keras 2 may contain without being trusted.

_KERAS_MODULES = (
    *("constraints", "initializers", "layers"),
    *("mixed_precision", "models", "regularizers"),
)
_UNSAFE_CLASSES = ("Lambda",)
"""Built-in classes that run code stored in the file."""

_PRIVATE_CLASSES = (
    *("Functional", "SlicingOpLambda", "TFOpLambda", "TensorFlowOpLayer"),
    *("LayerScale", "StochasticDepth"),
)
"""Classes of tf_keras without a public name: of networks, and of its ConvNeXt."""

_DATA = ("DType", "TensorShape", "__ellipsis__", "__tuple__")
"""Written like classes, but data."""

_PACKAGES = ("keras", "tf_keras")
_PURE_MODULES = ("__operators__", "image", "linalg", "math", "nn", "signal")
_PURE_FUNCTIONS = frozenset(
    (
        *("broadcast_to", "cast", "clip_by_value", "concat", "convert_to_tensor", "expand_dims"),
        *("fill", "gather", "identity", "norm", "one_hot", "ones_like", "pad", "range", "repeat"),
        *("reshape", "reverse", "roll", "shape", "slice", "split", "squeeze", "stack"),
        *("stop_gradient", "strided_slice", "tensordot", "tile", "transpose", "unstack", "where"),
        *("zeros_like",),
    )
)
"""Functions of TensorFlow without side effects, beside those of whole modules."""

_ACTIVATIONS = "keras.activations"
_FILE_WORDS = ("decode", "io")
"""Words in the names of functions that read or write files."""

_PURE_OPERATIONS = frozenset(
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


def find_author_code(config: Mapping[str, Any], keras: ModuleType) -> str | None:
    """Return a description of the first thing that is not built into Keras, or None.

    Args:
        config: Configuration of a network of Keras 2. How it was trained is never loaded, so that
            part is ignored.
        keras: The package whose classes are allowed, `tf_keras`.
    """
    public = {name for module in _KERAS_MODULES for name in vars(getattr(keras, module))}
    allowed = {*public, *_PRIVATE_CLASSES, *_DATA}.difference(_UNSAFE_CLASSES)
    network = {key: value for key, value in config.items() if key != "compile_config"}
    problems = (text for part in mappings(network) for text in _author_code(part, allowed))
    return next(problems, None)


def _author_code(part: Mapping[str, Any], allowed: set[str]) -> Iterator[str]:
    name = part.get("class_name")
    if name is None:
        return
    module, registered = part.get("module"), part.get("registered_name")
    if name == "Lambda":
        yield "a Lambda layer"
    elif not isinstance(name, str) or name not in allowed:
        yield f"the class {name}"
    elif module is not None and str(module).partition(".")[0] not in _PACKAGES:
        yield f"the class {name} of the module {module}"
    elif registered not in (None, name):
        yield f"the class {registered}"
    config = part.get("config")
    if isinstance(config, dict):
        yield from _impure_operation(name, config)


def _impure_operation(name: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Check layers that stand for a function or an operation of TensorFlow."""
    function = config.get("function")
    if name in ("TFOpLambda", "SlicingOpLambda") and not _is_pure(function):
        yield f"the function {function}"
    if name == "TensorFlowOpLayer" and (operation := _operation(config)) not in _PURE_OPERATIONS:
        yield f"the operation {operation}"


def _is_pure(function: Any) -> bool:
    if not isinstance(function, str):
        return False
    qualified = function.removeprefix("compat.v1.")
    module, _, name = qualified.rpartition(".")
    touches_files = any(word in name for word in _FILE_WORDS)
    is_in_pure_module = module.partition(".")[0] in _PURE_MODULES or module == _ACTIVATIONS
    return qualified in _PURE_FUNCTIONS or (is_in_pure_module and not touches_files)


def _operation(config: Mapping[str, Any]) -> str:
    node = tf.compat.v1.NodeDef()
    try:
        text_format.Parse(str(config.get("node_def")), node)
    except text_format.ParseError:
        return "that cannot be read"
    return str(node.op)
