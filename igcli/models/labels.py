"""Class names, in the forms in which people keep them.

Text: a name a line, alone or behind its index ("0 cat", "0: cat", "0,cat"). JSON, or the same as
Python prints it: a list, a mapping of index to name or of name to index, or `id2label` among other
settings. ImageNet's identifiers ("n01440764 tench") are left out.
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
    codecs.BOM_UTF32_LE: "utf-32",  # Begins as UTF-16 does.
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
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class _Found:
    """Names in the order of the outputs, and the form they were in, for messages."""

    names: tuple[str, ...]
    form: str

    def __str__(self) -> str:
        if not self.names:
            return "no names"
        ends = " ... ".join(map(_shortened, (self.names[0], self.names[-1])))
        count = "1 name" if len(self.names) == 1 else f"{len(self.names):,} names"
        return f"{count} ({self.form}: {ends})"


def read(path: str, outputs: int) -> tuple[str, ...]:
    """Return the class names in a file, in the order of the outputs.

    Args:
        path: A text file in UTF-8, or in UTF-16 with a byte order mark.
        outputs: How many the network has.

    Raises:
        ModelError: The file cannot be read, or holds another number of names.
    """
    found = _parsed(_text(path), path)
    if len(found.names) != outputs:
        raise ModelError(
            f"model.labels: {path}: read {found}, but the network has {outputs:,} outputs: give "
            "one name for each, in their order"
        )
    return found.names


def _text(path: str) -> str:
    try:
        data = Path(path).read_bytes()
        encoding = next((e for mark, e in _ENCODINGS.items() if data.startswith(mark)), "utf-8")
        text = data.decode(encoding)
    except OSError as error:
        raise ModelError(f"model.labels: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ModelError(f"model.labels: {path}: not UTF-8 text: save it as UTF-8")
    return text


def _parsed(text: str, path: str) -> _Found:
    stripped, what = text.strip(), f"model.labels: {path}"
    from_json = partial(json.loads, object_pairs_hook=partial(_unique, what))
    if stripped[:1] in ("{", "["):
        for parse in (from_json, ast.literal_eval):
            try:
                return _structured(parse(stripped), what)
            except _UNREADABLE:
                continue
    if Path(path).suffix.lower() == ".json":
        raise ModelError(
            f'{what}: not JSON of names: expected a list, {{"0": "cat"}} or {{"cat": 0}}'
        )
    return _lines(text)


def _unique(what: str, pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return a mapping of JSON.

    Raises:
        ModelError: A key comes twice.
    """
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ModelError(f"{what}: {_shortened(key)} comes twice: expected each key once")
        found[key] = value
    return found


def _structured(content: Any, what: str) -> _Found:
    """Return the names of a list or a mapping.

    Raises:
        TypeError: It is neither.
        ModelError: What it holds are no names with indices.
    """
    if not isinstance(content, Mapping | list):
        raise TypeError(type(content).__name__)
    if isinstance(content, Mapping):
        settings = content.get("id2label")
        if isinstance(settings, Mapping):
            return _Found(_by_index(settings, what), "id2label")
        if _is_turned(content):
            turned = [(str(index), str(name)) for name, index in content.items()]
            return _Found(_ordered(turned, what), "mapping of name to index")
        return _Found(_by_index(content, what), "mapping of index to name")
    names = [_name(each, what) for each in content]
    return _Found(_without_synsets(names), "list")


def _is_turned(content: Mapping[Any, Any]) -> bool:
    """Tell whether a mapping is one of names to indices; names may be numbers, too."""
    if any(isinstance(key, str) and not _INDEX.fullmatch(key) for key in content):
        return all(_INDEX.fullmatch(str(each)) for each in content.values())
    return bool(content) and all(type(each) is int for each in content.values())


def _by_index(content: Mapping[Any, Any], what: str) -> tuple[str, ...]:
    pairs = [(str(key), _name(each, what)) for key, each in content.items()]
    return _without_synsets(_ordered(pairs, what))


def _ordered(pairs: Sequence[tuple[str, Any]], what: str) -> tuple[str, ...]:
    """Return names by their indices, which begin with 0 or 1.

    Raises:
        ModelError: They do not, or are not consecutive.
    """
    wrong = next((index for index, _ in pairs if not _INDEX.fullmatch(index)), None)
    if wrong is not None:
        raise ModelError(f"{what}: {_shortened(wrong)} is no index: expected 0, 1, 2, ...")
    by_index = {int(index): str(name) for index, name in pairs}
    if len(by_index) < len(pairs):
        raise ModelError(f"{what}: an index comes twice: expected one name for each")
    first = int(0 not in by_index and 1 in by_index)
    missing = next((i for i in range(first, first + len(pairs)) if i not in by_index), None)
    if missing is not None:
        raise ModelError(f"{what}: there is no name for index {missing}: expected one for each")
    return tuple(by_index[index] for index in sorted(by_index))


def _name(value: Any, what: str) -> str:
    """Return a name; of an identifier and a name, as Keras's class index has them, the name."""
    if isinstance(value, list | tuple) and value:
        value = value[-1]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        shown = _shortened(str(value))
        raise ModelError(f"{what}: {shown} is no class name: expected text")
    return str(value).strip()


def _lines(text: str) -> _Found:
    lines = [line.strip() for line in _LINE_END.split(text.rstrip())]
    lines = list(_without_synsets(lines)) if any(lines) else []
    filled = [line for line in lines if line]
    numbered = _numbered(filled)
    if numbered is None and len(filled) > 1 and _SEPARATOR.search(filled[0]):
        numbered = _numbered(filled[1:])  # Behind a line of headings.
    if numbered is not None:
        return _Found(_without_synsets(numbered), "numbered lines")
    return _Found(tuple(lines), "one a line")


def _numbered(lines: Sequence[str]) -> tuple[str, ...] | None:
    """Return the names in lines that all begin with their index, else None.

    "1 star", "2 stars", "3 stars" are names themselves: without the numbers they would be equal.
    """
    found = [_NUMBERED.fullmatch(line) for line in lines]
    pairs = [(int(match[1]), _unquoted(match[2])) for match in found if match]
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
    """Return names without ImageNet's identifiers, where all have one."""
    found = [_SYNSET.fullmatch(name) for name in names]
    bare = tuple(match[1] for match in found if match)
    return bare if len(bare) == len(names) else tuple(names)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 3]}..."
