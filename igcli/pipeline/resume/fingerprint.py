"""Which settings make results what they are. Importing this imports no NumPy."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH110

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from igcli.config.keys import walk
from igcli.config.schema import KEYS, Settings
from igcli.errors import UsageError
from igcli.methods import METHODS
from igcli.options import Options

REVISION = 2
"""Of what igcli makes of the same image, network and settings.

Raise it by one with a change after which attributions, or the pixels that they are of, are others
for settings that stayed the same: how images are decoded, turned, fitted or given to the network,
how a method or a rule computes. What only draws pictures, or moves last digits, is no reason.
Results without a revision are of the first.
"""

UNCHANGING = frozenset(
    {"output", "device", "batch_size", "arrays", "gallery", "max_error", "max_pixels", "max_bytes"}
)
"""Settings that alter no attribution and no picture."""

PICTURES = {"panel": "panels", "gif": "gifs"}
"""Settings that alter pictures alone, and the folders these lie in."""

MAGNIFY = "panel.magnify"
"""The setting of panels that alters GIFs, too."""

NETWORK = frozenset({"model.source", "model.weights"})
"""Files whose contents the network's own hash stands for."""

_PATHS = {key.name: key.path_field for key in walk(KEYS) if key.path_field}


def values_of(settings: Options, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield every setting by its full name: ("model.source", "demo")."""
    for name, value in settings:
        if isinstance(value, Options):
            yield from values_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def is_path(name: str, value: object) -> bool:
    """Tell whether a setting names a file rather than something known."""
    mark = _PATHS.get(name)
    return mark is not None and isinstance(value, str) and not mark.is_name(value)


def missing(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the files that settings name and that are not there, by the settings' names."""
    for name, value in values_of(settings):
        if name != "output" and is_path(name, value) and not os.path.exists(str(value)):
            yield name, str(value)


def config_sha256(settings: Settings) -> str:
    """Return the hash, hexadecimal, of all that alters the attributions by the main method.

    The revision is in it. Files count by what they hold. How pictures are drawn is left out, so
    that adding some to a run leaves it the same.

    Raises:
        UsageError: A file cannot be read.
    """
    left_out = {*UNCHANGING, *PICTURES, *METHODS} - {settings.method}
    values = {
        name: _content(name, value) if is_path(name, value) else value
        for name, value in values_of(settings)
        if name.partition(".")[0] not in left_out
    }
    whole = {"revision": REVISION, **values}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _content(name: str, value: object) -> str | None:
    if name in NETWORK:
        return None
    path = Path(str(value))
    try:
        if path.is_dir():
            return str(path.resolve())
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{name}: {path}: {error.strerror}") from None
