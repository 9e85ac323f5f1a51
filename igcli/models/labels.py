"""Class names, read from the file formats in common use.

Text files have one name per line, alone or after its index ("0 cat", "0: cat", "0,cat"). JSON
files, or the same as printed by Python, hold a list, a mapping from index to name or from name to
index, or `id2label` among other settings. ImageNet's identifiers ("n01440764 tench") are dropped.
"""

import ast
import codecs
import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from igcli.errors import ModelError

_ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # Starts with the mark of UTF-16, so it must come first.
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_LINE_END = re.compile(r"\r\n|\r|\n")
_INDEX = re.compile(r"[0-9]{1,7}")
_NUMBERED = re.compile(r'"?([0-9]{1,7})"?(?:\s*[,;:=]\s*|\s+-\s+|[.)]\s+|\s+)(\S.*)')
_SEPARATOR = re.compile(r"[,;:\t]")
_SYNSET = re.compile(r"n[0-9]{8}[\s,:]+(\S.*)")
_UNREADABLE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class _Names:
    """Class names in the order of the outputs, and the format they were in, for messages."""

    names: tuple[str, ...]
    format: str

    def __str__(self) -> str:
        if not self.names:
            return "no names"
        ends = " ... ".join(map(_shortened, (self.names[0], self.names[-1])))
        count = "1 name" if len(self.names) == 1 else f"{len(self.names):,} names"
        return f"{count} ({self.format}: {ends})"


def read(path: str, outputs: int) -> tuple[str, ...]:
    """Return the class names in a file, in the order of the outputs.

    Args:
        path: A text file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.
        outputs: Number of the network's outputs.

    Raises:
        ModelError: The file cannot be read, or the number of names differs from `outputs`.
    """
    labels = _parse(_read_text(path), path)
    if len(labels.names) != outputs:
        raise ModelError(
            f"model.labels: {path}: read {labels}, but the network has {outputs:,} outputs: give "
            "one name per output, in their order"
        )
    return labels.names


def _read_text(path: str) -> str:
    try:
        data = Path(path).read_bytes()
        encoding = next(
            (name for mark, name in _ENCODINGS.items() if data.startswith(mark)), "utf-8"
        )
        text = data.decode(encoding)
    except OSError as error:
        raise ModelError(f"model.labels: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ModelError(f"model.labels: {path}: not UTF-8 text: save it as UTF-8")
    return text


def _parse(text: str, path: str) -> _Names:
    stripped, prefix = text.strip(), f"model.labels: {path}"
    from_json = partial(json.loads, object_pairs_hook=partial(_unique_keys, prefix))
    if stripped[:1] in ("{", "["):
        for parse in (from_json, ast.literal_eval):
            try:
                return _from_structure(parse(stripped), prefix)
            except _UNREADABLE:
                continue
    if Path(path).suffix.lower() == ".json":
        raise ModelError(
            f'{prefix}: not a JSON file of names: expected a list, {{"0": "cat"}} or {{"cat": 0}}'
        )
    return _from_lines(text)


def _unique_keys(prefix: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON.

    Raises:
        ModelError: A key is repeated.
    """
    mapping: dict[str, Any] = {}
    for key, value in pairs:
        if key in mapping:
            raise ModelError(f"{prefix}: {_shortened(key)} is repeated: expected each key once")
        mapping[key] = value
    return mapping


def _from_structure(content: Any, prefix: str) -> _Names:
    """Return the names of a list or a mapping.

    Raises:
        TypeError: It is neither.
        ModelError: It does not hold names with indices.
    """
    if not isinstance(content, Mapping | list):
        raise TypeError(type(content).__name__)
    if isinstance(content, Mapping):
        settings = content.get("id2label")
        if isinstance(settings, Mapping):
            return _Names(_by_index(settings, prefix), "id2label")
        if _is_name_to_index(content):
            pairs = [(str(index), str(name)) for name, index in content.items()]
            return _Names(_in_order(pairs, prefix), "mapping of name to index")
        return _Names(_by_index(content, prefix), "mapping of index to name")
    names = [_name(entry, prefix) for entry in content]
    return _Names(_without_synsets(names), "list")


def _is_name_to_index(content: Mapping[Any, Any]) -> bool:
    """Tell whether a mapping is from names to indices; names may be numbers, too."""
    if any(isinstance(key, str) and not _INDEX.fullmatch(key) for key in content):
        return all(_INDEX.fullmatch(str(value)) for value in content.values())
    return bool(content) and all(type(value) is int for value in content.values())


def _by_index(content: Mapping[Any, Any], prefix: str) -> tuple[str, ...]:
    pairs = [(str(key), _name(value, prefix)) for key, value in content.items()]
    return _without_synsets(_in_order(pairs, prefix))


def _in_order(pairs: Sequence[tuple[str, Any]], prefix: str) -> tuple[str, ...]:
    """Return names in the order of their indices, which start at 0 or 1.

    Raises:
        ModelError: They do not, or are not consecutive.
    """
    wrong = next((index for index, _ in pairs if not _INDEX.fullmatch(index)), None)
    if wrong is not None:
        raise ModelError(f"{prefix}: {_shortened(wrong)} is not an index: expected 0, 1, 2, ...")
    by_index = {int(index): str(name) for index, name in pairs}
    if len(by_index) < len(pairs):
        raise ModelError(f"{prefix}: an index is repeated: expected one name per index")
    first = int(0 not in by_index and 1 in by_index)
    missing = next((i for i in range(first, first + len(pairs)) if i not in by_index), None)
    if missing is not None:
        raise ModelError(f"{prefix}: index {missing} has no name: expected one name per index")
    return tuple(by_index[index] for index in sorted(by_index))


def _name(value: Any, prefix: str) -> str:
    """Return a name; if it is an identifier and a name, as in Keras's class index, the latter."""
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        shown = _shortened(str(value))
        raise ModelError(f"{prefix}: {shown} is not a class name: expected text")
    return str(value).strip()


def _from_lines(text: str) -> _Names:
    lines = [line.strip() for line in _LINE_END.split(text.rstrip())]
    lines = list(_without_synsets(lines)) if any(lines) else []
    filled = [line for line in lines if line]
    names = _without_numbers(filled)
    if names is None and len(filled) > 1 and _SEPARATOR.search(filled[0]):
        names = _without_numbers(filled[1:])  # The first line may be a header.
    if names is not None:
        return _Names(_without_synsets(names), "numbered lines")
    return _Names(tuple(lines), "one per line")


def _without_numbers(lines: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names in lines that all start with their index, else None.

    "1 star", "2 stars", "3 stars" are names themselves: without the numbers they would be equal.
    """
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    pairs = [(int(match[1]), _unquoted(match[2])) for match in matches if match]
    indices = sorted(index for index, _ in pairs)
    if not lines or len(pairs) != len(lines) or indices[0] > 1:
        return None
    if indices != list(range(indices[0], indices[0] + len(lines))):
        return None
    names = tuple(name for _, name in sorted(pairs))
    return names if len(names) - len(set(names)) <= len(names) // 10 else None


def _unquoted(name: str) -> str:
    """Return a cell of a CSV file without its quotes."""
    if not name.startswith('"'):
        return name
    try:
        return ", ".join(cell.strip() for cell in next(csv.reader([name])))
    except csv.Error:
        return name


def _without_synsets(names: Sequence[str]) -> tuple[str, ...]:
    """Return names without ImageNet's identifiers, if all have one."""
    matches = [_SYNSET.fullmatch(name) for name in names]
    bare = tuple(match[1] for match in matches if match)
    return bare if len(bare) == len(names) else tuple(names)


def _shortened(name: str) -> str:
    return name if len(name) <= _MAX_SHOWN else f"{name[: _MAX_SHOWN - 3]}..."
