"""The hash of the settings that change results. Importing this does not import NumPy."""

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
"""Version of the results that igcli computes from the same image, network and settings.

Raise it by one with every change that alters attributions, or the pixels they belong to, for
unchanged settings: how images are decoded, rotated, fitted or fed to the network, or how a method
or a rule computes. Changes of pictures alone, or of the last digits, do not count. Results without
a revision have revision 1.
"""

UNCHANGING = frozenset(
    {"output", "device", "batch_size", "arrays", "gallery", "max_error", "max_pixels", "max_bytes"}
)
"""Settings that change neither attributions nor pictures."""

PICTURES = {"panel": "panels", "gif": "gifs"}
"""Settings that change only pictures, and the folders of these pictures."""

MAGNIFY = "panel.magnify"
"""The panel setting that also changes GIFs."""

NETWORK = frozenset({"model.source", "model.weights"})
"""Files whose content is already covered by the hash of the network."""

_PATHS = {key.name: key.path_field for key in walk(KEYS) if key.path_field}


def values_of(settings: Options, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield every setting with its full name: ("model.source", "demo")."""
    for name, value in settings:
        if isinstance(value, Options):
            yield from values_of(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def is_path(name: str, value: object) -> bool:
    """Tell whether the value of a setting is the path of a file, not a known name."""
    mark = _PATHS.get(name)
    return mark is not None and isinstance(value, str) and not mark.is_name(value)


def missing(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the names of settings whose files do not exist, with their paths."""
    for name, value in values_of(settings):
        if name != "output" and is_path(name, value) and not os.path.exists(str(value)):
            yield name, str(value)


def config_sha256(settings: Settings) -> str:
    """Return the hash, hexadecimal, of everything that changes the main method's attributions.

    It covers the revision and the content of files. It leaves out how pictures are drawn, so that
    adding pictures to a run keeps the hash.

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
