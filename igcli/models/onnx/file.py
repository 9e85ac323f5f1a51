"""Reads ONNX files: parsed by protobuf alone, within limits, and nothing in them is run."""

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import checker, inliner, version_converter

from igcli.errors import ModelError
from igcli.models.runtime import first_line

DOMAINS = ("", "ai.onnx")
"""Names of ONNX's own operators."""

MAX_BYTES = 1 << 31
"""Size of a file that protobuf can parse."""

MAX_NODES = 200_000
"""Nodes of a graph, counted with every call of a function inlined."""

MAX_CALL_DEPTH = 100
"""Depth of functions that call each other; the limit of `onnx` 1.23, earlier ones have none."""

OLDEST_OPSET = 11
"""Oldest version of the operators that is read as it is; `onnx` converts earlier ones."""

_EXTERNAL = onnx.TensorProto.EXTERNAL
_CONVERSION_ERRORS = (
    *(RuntimeError, ValueError, TypeError, LookupError, EncodeError, DecodeError),
    *(version_converter.ConvertError, checker.ValidationError),
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
    model, digest = _parse(path)
    _check_nodes(model, f"model: {path}")
    for file_digest in _external_digests(model, Path(path), load=True):
        digest.update(file_digest)
    return with_known_operators(model, f"model: {path}"), digest.hexdigest()


def sha256_of(path: str) -> str:
    """Return the hash that `read` returns, without loading external data.

    Raises:
        ModelError: The file is damaged, is not an ONNX file, or names data outside its folder.
    """
    model, digest = _parse(path)
    for file_digest in _external_digests(model, Path(path), load=False):
        digest.update(file_digest)
    return str(digest.hexdigest())


def _parse(path: str) -> tuple[onnx.ModelProto, Any]:
    """Return a model without its external data, and the SHA-256 of its file, a hash object."""
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
        raise ModelError(
            f"{prefix} is not a readable ONNX file: it is truncated or a file of another kind"
        ) from None
    if not model.graph.node:
        hint = "it has no graph" if data else "it is empty"
        raise ModelError(f"{prefix} is not a readable ONNX file: {hint}")
    return model, hashlib.sha256(data)


def _check_nodes(model: onnx.ModelProto, prefix: str) -> None:
    """Refuse a model of too many nodes, those in functions counted for each call.

    Raises:
        ModelError: It has too many, or functions that call each other in a circle.
    """
    written = sum(len(body.node) for body in (model.graph, *model.functions))
    nodes = written if written > MAX_NODES else _inlined(model, lambda _node: 1, prefix)
    if nodes > MAX_NODES:
        raise ModelError(f"{prefix} has {nodes:,} nodes, more than {MAX_NODES:,}")


def _inlined(model: onnx.ModelProto, measure: Callable[[Any], int], prefix: str) -> int:
    """Return the sum of a measure over all nodes, as if the functions were inlined.

    Raises:
        ModelError: The functions call each other in a circle, or too deep.
    """
    bodies = {_key(part, part.name): list(_nodes(part)) for part in model.functions}
    bodies[()] = list(_nodes(model.graph))
    own = {key: sum(map(measure, nodes)) for key, nodes in bodies.items()}
    calls = {
        key: [called for node in nodes if (called := _key(node, node.op_type)) in bodies]
        for key, nodes in bodies.items()
    }
    totals = own
    for _ in range(MAX_CALL_DEPTH):
        previous = totals
        totals = {key: own[key] + sum(previous[called] for called in calls[key]) for key in bodies}
        if totals == previous:
            return totals[()]
    raise ModelError(
        f"{prefix} has functions that call each other in a circle, or more than {MAX_CALL_DEPTH} "
        "deep"
    )


def _key(part: Any, name: str) -> tuple[str, ...]:
    """Return what identifies a function, of the function or of a node that calls it."""
    return ("" if part.domain in DOMAINS else part.domain, name, part.overload)


def _nodes(body: Any) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of a graph or function, and of the graphs within."""
    for node in body.node:
        yield node
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(graph)


def _external_digests(model: onnx.ModelProto, path: Path, *, load: bool) -> Iterator[bytes]:
    """Yield the SHA-256 of each file of external data, and load the tensors in it if told to.

    Raises:
        ModelError: A file is missing or outside the model's folder, or too short for a tensor.
    """
    folder = path.parent.resolve()
    tensors = [tensor for tensor in _tensors(model) if tensor.data_location == _EXTERNAL]
    entries = [{entry.key: entry.value for entry in tensor.external_data} for tensor in tensors]
    for name in sorted({entry.get("location", "") for entry in entries}):
        prefix = f"model: {path}: external data {name!r}"
        file = _inside(folder, name, prefix)
        try:
            with file.open("rb") as stream:
                yield hashlib.file_digest(stream, "sha256").digest()
                for tensor, entry in zip(tensors, entries, strict=True):
                    if load and entry.get("location", "") == name:
                        _fill(tensor, entry, stream, prefix)
        except OSError as error:
            raise ModelError(f"{prefix}: {error.strerror}") from None


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


def with_known_operators(model: onnx.ModelProto, prefix: str) -> onnx.ModelProto:
    """Return the model with its functions inlined and its operators of a version that is read.

    Args:
        model: A model with all its data.
        prefix: How messages begin.

    Raises:
        ModelError: It names no version, is too large, or cannot be converted.
    """
    versions = [entry.version for entry in model.opset_import if entry.domain in DOMAINS]
    if not versions:
        named = ", ".join(entry.domain for entry in model.opset_import)
        hint = f": it has those of {named}, which no network is made of" if named else ""
        raise ModelError(f"{prefix} names no version of ONNX's operators{hint}")
    if model.functions and _inlined(model, onnx.NodeProto.ByteSize, prefix) >= MAX_BYTES:
        raise ModelError(f"{prefix} is too large for protobuf once its functions are inlined")
    try:
        if model.functions:
            model = inliner.inline_local_functions(model)
        if versions[0] < OLDEST_OPSET:
            # Before version 4 of the format, `onnx` looks for weights among the graph's inputs.
            model.ir_version = max(model.ir_version, 4)
            model = version_converter.convert_version(model, OLDEST_OPSET)
            _keep_old_resizing(model)
    except _CONVERSION_ERRORS as error:
        raise ModelError(
            f"{prefix} has operators of version {versions[0]}, which onnx cannot convert: "
            f"{first_line(error)}"
        ) from None
    return model


def _keep_old_resizing(model: onnx.ModelProto) -> None:
    """Write out how opsets below 11 resize, which `onnx` leaves to defaults that differ since."""
    old = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    for node in model.graph.node:
        if node.op_type == "Resize" and node.domain in DOMAINS:
            node.attribute.extend(onnx.helper.make_attribute(*item) for item in old.items())
