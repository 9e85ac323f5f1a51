"""Which settings make results what they are. Importing this imports no NumPy."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from igcli.config.keys import walk
from igcli.config.schema import KEYS, Settings
from igcli.errors import UsageError
from igcli.methods import METHODS
from igcli.options import Options

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

LATER: Mapping[str, object] = {
    "model.activation": None,
    "model.custom_objects": None,
    "model.feeds": None,
    "model.resample": "bilinear",
}
"""Settings that results of earlier versions have not, and what they would have said."""

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


def config_sha256(settings: Settings) -> str:
    """Return the hash, hexadecimal, of all that alters the attributions by the main method.

    Files count by what they hold. How pictures are drawn is left out, so that adding some to a
    run leaves it the same.

    Raises:
        UsageError: A file cannot be read.
    """
    left_out = {*UNCHANGING, *PICTURES, *METHODS} - {settings.method}
    values = {
        name: _content(name, value) if is_path(name, value) else value
        for name, value in values_of(settings)
        if name.partition(".")[0] not in left_out and (name not in LATER or value != LATER[name])
    }
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


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
