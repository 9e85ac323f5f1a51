"""Values of dataclasses, mappings and sequences as compact JSON."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any


def to_json(value: object) -> str:
    """Return JSON in ASCII, without empty items."""
    return json.dumps(compact(value), separators=(",", ":"), allow_nan=False)


def compact(value: Any) -> Any:
    """Return a value with dataclasses as mappings, without items that are empty or None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        items = {key: compact(item) for key, item in value.items()}
        return {key: item for key, item in items.items() if item not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [compact(item) for item in value]
    return value
