"""Reads ONNX files: parsed by protobuf alone, limited in size, and nothing in them is run."""

import hashlib
import os
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import external_data_helper, inliner, version_converter

from igcli.errors import ModelError

MAX_BYTES = 1 << 31
"""Size of a file that protobuf can parse."""

MAX_NODES = 200_000

OLDEST = 11
"""Oldest version of the operators that is read as it is; `onnx` converts those before."""

_DOMAINS = ("", "ai.onnx")


def read(path: str) -> tuple[onnx.ModelProto, str]:
    """Return a model with all its data, and the SHA-256 of the file and of its external data.

    Raises:
        ModelError: The file is damaged, is no ONNX file, or names data outside its folder.
    """
    what = f"model: {path}"
    try:
        size = os.path.getsize(path)  # noqa: PTH202 - names need not be UTF-8
        if size >= MAX_BYTES:
            raise ModelError(
                f"{what} has {size:,} bytes, more than protobuf reads: save its weights "
                "as external data"
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{what} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(data)
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError:
        raise ModelError(f"{what} is damaged, or not an ONNX file") from None
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{what} is not an ONNX model: it has no graph")
    if len(model.graph.node) > MAX_NODES:
        raise ModelError(f"{what} has {len(model.graph.node):,} nodes, more than {MAX_NODES:,}")
    _load_external(model, path, digest)
    return _prepared(model, what), digest.hexdigest()


def _load_external(model: onnx.ModelProto, path: str, digest: "hashlib._Hash") -> None:
    """Load data that lie in other files, which have to be in the folder of the model."""
    folder = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120
    tensors = [
        tensor
        for tensor in external_data_helper._get_all_tensors(model)
        if external_data_helper.uses_external_data(tensor)
    ]
    for name in sorted({_location(tensor, path) for tensor in tensors}):
        file = os.path.join(folder, name)  # noqa: PTH118
        if not os.path.realpath(file).startswith(os.path.realpath(folder) + os.sep):
            raise ModelError(f"model: {path} names data outside its own folder: {name}")
        try:
            with open(file, "rb") as stream:  # noqa: PTH123
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise ModelError(
                f"model: {path} has its weights in {name}, which cannot be read: {error.strerror}"
            ) from error
    for tensor in tensors:
        _check_extent(tensor, folder, path)
        external_data_helper.load_external_data_for_tensor(tensor, folder)
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]


def _location(tensor: onnx.TensorProto, path: str) -> str:
    name = external_data_helper.ExternalDataInfo(tensor).location
    if not name or os.path.isabs(name) or ".." in Path(name).parts or "\0" in name:  # noqa: PTH117
        raise ModelError(f"model: {path} names data outside its own folder: {name!r}")
    return str(name)


def _check_extent(tensor: onnx.TensorProto, folder: str, path: str) -> None:
    """Refuse a tensor whose part of the file is not as long as its shape asks for."""
    info = external_data_helper.ExternalDataInfo(tensor)
    size = os.path.getsize(os.path.join(folder, info.location))  # noqa: PTH118, PTH202
    start, length = info.offset or 0, info.length
    needed = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    for side in tensor.dims:
        needed *= side
    end = start + (length if length is not None else needed)
    if start < 0 or end > size or (length is not None and length < needed):
        raise ModelError(
            f"model: {path}: {info.location} has {size:,} bytes, too few for {tensor.name}"
        )


def _prepared(model: onnx.ModelProto, what: str) -> onnx.ModelProto:
    """Return the model with its functions inlined and its operators of a version that is read."""
    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        version = next(entry.version for entry in model.opset_import if entry.domain in _DOMAINS)
        if version < OLDEST:
            model = version_converter.convert_version(model, OLDEST)
    except StopIteration:
        raise ModelError(f"{what} names no version of ONNX's operators") from None
    except Exception as error:  # noqa: BLE001 - onnx raises what its C++ raises
        raise ModelError(f"{what} cannot be read: {str(error).splitlines()[0]}") from error
    return model
