"""Reads ONNX files: parsed by protobuf alone, within limits, and nothing in them is run."""

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import inliner, version_converter

from igcli.errors import ModelError
from igcli.models.onnx.node import DOMAINS
from igcli.models.runtime import first_line

MAX_BYTES = 1 << 31
"""Size of a file that protobuf can parse."""

MAX_NODES = 200_000

OLDEST_OPSET = 11
"""Oldest version of the operators that is read as it is; `onnx` converts earlier ones."""

_EXTERNAL = onnx.TensorProto.EXTERNAL
_CONVERSION_ERRORS = (
    *(RuntimeError, ValueError, TypeError, LookupError, EncodeError, DecodeError),
    version_converter.ConvertError,
)


def read(path: str) -> tuple[onnx.ModelProto, str]:
    """Return a model with all its data, and its hash.

    Args:
        path: The file; its external data lie in the same folder or below it.

    Returns:
        The model with operators of a version that is read, and the SHA-256 of the file, followed by
        those of its external data, hexadecimal.

    Raises:
        ModelError: The file is damaged, is not an ONNX file, or names data outside its folder.
    """
    prefix = f"model: {path}"
    try:
        size = Path(path).stat().st_size
        if size >= MAX_BYTES:
            raise ModelError(
                f"{prefix} has {size:,} bytes, more than protobuf reads: save its weights as "
                "external data"
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{prefix}: {error.strerror}") from None
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        hint = "it is truncated or a file of another kind" if data else "it is empty"
        raise ModelError(f"{prefix} is not a readable ONNX file: {hint}") from None
    if not model.graph.node:
        hint = "it has no graph" if data else "it is empty"
        raise ModelError(f"{prefix} is not a readable ONNX file: {hint}")
    if len(model.graph.node) > MAX_NODES:
        raise ModelError(f"{prefix} has {len(model.graph.node):,} nodes, more than {MAX_NODES:,}")
    digest = hashlib.sha256(data)
    for file_digest in _load_external_data(model, Path(path)):
        digest.update(file_digest)
    return _with_known_operators(model, prefix), digest.hexdigest()


def _load_external_data(model: onnx.ModelProto, path: Path) -> list[bytes]:
    """Load tensors from other files, and return the SHA-256 of those files.

    Raises:
        ModelError: A file is missing, outside the model's folder, or too short.
    """
    folder = path.parent.resolve()
    tensors = [tensor for tensor in _tensors(model) if tensor.data_location == _EXTERNAL]
    entries = [{entry.key: entry.value for entry in tensor.external_data} for tensor in tensors]
    digests = []
    for name in sorted({entry.get("location", "") for entry in entries}):
        prefix = f"model: {path}: external data {name!r}"
        file = _inside(folder, name, prefix)
        try:
            with file.open("rb") as stream:
                digests.append(hashlib.file_digest(stream, "sha256").digest())
                for tensor, entry in zip(tensors, entries, strict=True):
                    if entry.get("location", "") == name:
                        _fill(tensor, entry, stream, prefix)
        except OSError as error:
            raise ModelError(f"{prefix}: {error.strerror}") from None
    return digests


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield the tensors of a model that are read: weights and constants."""
    yield from model.graph.initializer
    bodies = (model.graph, *model.functions)
    for attribute in (part for body in bodies for node in body.node for part in node.attribute):
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors


def _inside(folder: Path, name: str, prefix: str) -> Path:
    """Return the path of a file below a folder, both without links."""
    try:
        file = (folder / name).resolve()
        is_inside = bool(name) and not Path(name).is_absolute() and file.is_relative_to(folder)
    except (ValueError, OSError, RuntimeError):  # A name with a null byte, or links in a circle.
        is_inside = False
    if not is_inside:
        raise ModelError(f"{prefix} lies outside the folder of the model, which is not read")
    if not file.is_file():
        raise ModelError(f"{prefix}: no such file; keep it beside the model, where it was saved")
    return file


def _fill(tensor: onnx.TensorProto, entry: dict[str, str], stream: Any, prefix: str) -> None:
    """Copy a part of a file into a tensor."""
    try:
        needed = math.prod(tensor.dims) * _item_size(tensor)
        offset, length = int(entry.get("offset", 0)), int(entry.get("length", needed))
    except (ValueError, KeyError):
        raise ModelError(f"{prefix}: the entry of tensor {tensor.name} is damaged") from None
    size = stream.seek(0, 2)
    if min(tensor.dims, default=0) < 0 or offset < 0 or length < needed or offset + length > size:
        raise ModelError(f"{prefix} has {size:,} bytes, too few for tensor {tensor.name}")
    stream.seek(offset)
    tensor.raw_data = stream.read(length)
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def _item_size(tensor: onnx.TensorProto) -> int:
    return int(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize)


def _with_known_operators(model: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    """Return the model with its functions inlined and its operators of a version that is read."""
    versions = [entry.version for entry in model.opset_import if entry.domain in DOMAINS]
    if not versions:
        raise ModelError(f"{prefix} names no version of ONNX's operators")
    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        if versions[0] < OLDEST_OPSET:
            model = version_converter.convert_version(model, OLDEST_OPSET)
    except _CONVERSION_ERRORS as error:
        raise ModelError(
            f"{prefix} has operators of version {versions[0]}, which onnx cannot convert: "
            f"{first_line(error)}"
        ) from None
    return model
