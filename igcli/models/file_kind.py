"""Which kind of network a file or folder holds. Importing this does not import TensorFlow.

The content decides. The ending decides only where the content is not recognized, as that of a
damaged file, so that messages are about the kind that was meant.
"""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

FileKind = Literal["keras", "onnx", "frozen_graph", "saved_model"]

DESCRIPTIONS: dict[FileKind, str] = {
    "keras": "a Keras file",
    "onnx": "an ONNX file",
    "frozen_graph": "a frozen graph",
    "saved_model": "a SavedModel",
}

SUFFIXES: dict[str, FileKind] = {
    ".keras": "keras",
    ".h5": "keras",
    ".hdf5": "keras",
    ".onnx": "onnx",
    ".pb": "frozen_graph",
}
"""Usual suffixes of files that networks are read from, which may have any name."""

_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"

_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2}
"""Wire types of the fields of ONNX's `ModelProto`, by number."""

_IR_VERSION, _GRAPH = 1, 7
_MAX_FIELDS = 1000
_MAX_BYTES = 1 << 40
"""Length of a field that no file has."""

_FIXED = {1: 8, 5: 4}
"""Bytes of protobuf's wire types of a fixed size; 0 is a varint, 2 begins with its length."""

_NODE = re.compile(rb"\n.{1,5}?\n.{1,2}?[\w.][\w.\\/>-]*\x12.[\w>]+", re.DOTALL)
"""The start of a frozen graph: a node, its name and its operator."""

_FOREIGN_STARTS = (
    (rb"\x80[\x02-\x05]", "is a pickle, which is code and is not read: export its network to ONNX"),
    (rb"\x1f\x8b|BZh|\xfd7zXZ", "is compressed: unpack it first"),
    (
        rb".{4}TFL3",
        "is a file of TensorFlow Lite, which has no gradients: name the network it was made from",
    ),
    (
        rb"version https://git-lfs",
        "is a pointer of Git LFS, not the file itself: fetch that with git lfs pull",
    ),
)
"""Patterns of the first bytes of files that are no networks, with what they are."""

_FOREIGN_MEMBERS = {
    "saved_model.pb": "is an archive of a SavedModel: unpack it and name its folder",
    "data.pkl": "is a file of PyTorch: export its network to ONNX (torch.onnx.export)",
}
"""Names of files in archives that are no networks, with what these are."""


def kind_of(source: str) -> FileKind | None:
    """Return the kind of a file or folder, or None if it is not one that networks are read from."""
    return kind_by_content(source) or SUFFIXES.get(Path(source).suffix.lower())


def kind_by_content(source: str) -> FileKind | None:
    """Return the kind of a file or folder by its content, or None if that is not recognized."""
    path = Path(source)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved_model"
        return "keras" if (path / "config.json").is_file() else None
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            start = file.read(512)
            if start.startswith(_HDF5):
                return "keras"
            if start.startswith(_ZIP):
                return "keras" if "config.json" in _members(path) else None
            if _NODE.match(start):
                return "frozen_graph"
            file.seek(0)
            return "onnx" if _is_onnx(file) else None
    except OSError:  # Reported where the file is read.
        return None


def disagreement(source: str) -> str | None:
    """Return a notice if a file is not of the kind that its ending says, None otherwise."""
    kind = kind_by_content(source)
    usual = SUFFIXES.get(Path(source).suffix.lower(), kind)
    if kind is None or kind == usual or kind == "saved_model":
        return None
    return f"{source} is {DESCRIPTIONS[kind]} by its content, and is read as one"


def foreign(source: str) -> str | None:
    """Return what a file is that no network is read from and what to do; None if unknown."""
    path = Path(source)
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            start = file.read(512)
            file.seek(0)
            # As ONNX does, a SavedModel begins with a version and a text or message.
            is_saved_model = start.startswith(b"\x08\x01\x12") and not _is_onnx(file)
    except OSError:
        return None
    if start.startswith(_ZIP):
        names = {name.rpartition("/")[2] for name in _members(path)}
        return next((text for name, text in _FOREIGN_MEMBERS.items() if name in names), None)
    if is_saved_model:
        return f"is part of a SavedModel: name its folder, {path.parent}"
    matches = (text for pattern, text in _FOREIGN_STARTS if re.match(pattern, start, re.DOTALL))
    return next(matches, None)


def _members(path: Path) -> list[str]:
    """Return the names in an archive; none if it is damaged."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return []


def _is_onnx(file: BinaryIO) -> bool:
    """Tell whether a file has the fields of an ONNX model, without reading what is in them."""
    seen = set()
    for number, wire in _fields(file):
        if wire != _ONNX_FIELDS.get(number, wire):
            return False
        seen.add(number)
        if {_IR_VERSION, _GRAPH} <= seen:
            return True
    return False


def _fields(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield the number and the wire type of the first fields of a protobuf message."""
    for _ in range(_MAX_FIELDS):
        tag = _varint(file)
        if tag is None:
            return
        wire = tag & 7
        if wire == 0:
            skipped = 0 if _varint(file) is not None else None
        else:
            skipped = _varint(file) if wire == 2 else _FIXED.get(wire)
        if skipped is None or skipped > _MAX_BYTES:
            return
        yield tag >> 3, wire
        file.seek(skipped, 1)


def _varint(file: BinaryIO) -> int | None:
    """Read a number of protobuf; None at the end of the file or where it is none."""
    value = 0
    for place in range(10):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << 7 * place
        if byte[0] < 0x80:
            return value
    return None
