"""Keras files that the installed Keras refuses although nothing is wrong with their networks."""

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from igcli.models.runtime import tensorflow
from igcli.models.sources.keras_config import Kind, SavedConfig, parts

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

SUFFIXES: dict[Kind, str] = {"zip": ".keras", "folder": "", "hdf5": ".h5"}
_ENDS = ("input_layers", "output_layers")


@contextmanager
def readable(path: str, kind: Kind) -> Iterator[str]:
    """Give the path of a file under a name that Keras reads its kind by."""
    if path.endswith(SUFFIXES[kind]):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"model{SUFFIXES[kind]}"
        link.symlink_to(Path(path).resolve())
        yield str(link)


@contextmanager
def mended(path: str, saved: SavedConfig) -> Iterator[str]:
    """Give the path of a mended copy, or of the file itself where nothing is known to mend.

    Keras 3.8 to 3.10 wrote the only input of a network in a `Sequential` as a list of one, which
    later versions take for a network that wants a list: a `Sequential` never gives it one.
    """
    if not _unwrapped(saved.config):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, f"model{SUFFIXES[saved.kind]}")  # noqa: PTH118
        _MENDED[saved.kind](path, copy, saved)
        yield copy


def unnamed(package: Any) -> dict[str, Any]:
    """Return layers of a Keras package that files name and the package does not find, by name.

    Those of its applications (ConvNeXt's `LayerScale`), and those of Keras 2 that have moved from
    module to module (`Functional`, `TFOpLambda`).

    Args:
        package: `keras` or `tf_keras`.
    """
    layer = package.layers.Layer
    rooms = (f"{package.__name__}.src.applications.", f"{package.__name__}.src.layers.core.tf_op")
    found = {
        each.__name__: each for each in _subclasses(layer) if each.__module__.startswith(rooms)
    }
    return {**found, "Functional": type(_smallest(package))}


def operations(saved: SavedConfig) -> dict[str, Any]:
    """Return the operations of `keras.ops` that a network in an .h5 file uses, by name.

    Keras 3 writes them to .h5 files, for `x / 127.5` between layers, but does not find them there.
    Some layers are called like operations; which is meant is told by what layers alone have.
    """
    used = {part.get("class_name") for part in parts(saved.config) if "inbound_nodes" in part}
    found: dict[str, Any] = {}
    for operation in _subclasses(keras.Operation):
        name = operation.__name__
        if name in used and operation.__module__.startswith("keras.src.ops."):
            layer = getattr(keras.layers, name, None)
            found[name] = operation if layer is None else _either(layer, operation)
    return found


def _unwrapped(config: Any) -> bool:
    """Unwrap the ends of nested networks in a configuration; tell whether there were any."""
    changed = False
    for network in _inside_sequential(config):
        for key in _ENDS:
            ends = network.get(key)
            if isinstance(ends, list) and len(ends) == 1 and isinstance(ends[0], list):
                network[key] = ends[0]
                changed = True
    return changed


def _inside_sequential(config: Any) -> Iterator[dict[str, Any]]:
    """Yield the configurations of the networks that are layers of a `Sequential`."""
    for part in parts(config):
        inner = part.get("config")
        if part.get("class_name") == "Sequential" and isinstance(inner, dict):
            for layer in inner.get("layers") or ():
                is_network = isinstance(layer, dict) and layer.get("class_name") == "Functional"
                if is_network and isinstance(layer.get("config"), dict):
                    yield layer["config"]


def _mended_zip(path: str, copy: str, saved: SavedConfig) -> None:
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as new:
        for member in archive.infolist():
            if member.filename == "config.json":
                new.writestr(member, json.dumps(saved.config))
            else:
                with archive.open(member) as source, new.open(member, "w") as target:
                    shutil.copyfileobj(source, target)


def _mended_folder(path: str, copy: str, saved: SavedConfig) -> None:
    Path(copy).mkdir()
    for member in Path(path).resolve().iterdir():
        if member.name == "config.json":
            (Path(copy) / member.name).write_text(json.dumps(saved.config), "utf-8")
        else:
            (Path(copy) / member.name).symlink_to(member)


def _mended_hdf5(path: str, copy: str, saved: SavedConfig) -> None:
    shutil.copyfile(path, copy)
    with h5py.File(copy, "r+") as file:
        file.attrs["model_config"] = json.dumps(saved.config)


_MENDED: dict[Kind, Callable[[str, str, SavedConfig], None]] = {
    "zip": _mended_zip,
    "folder": _mended_folder,
    "hdf5": _mended_hdf5,
}


def _smallest(package: Any) -> Any:
    """Return a functional network, whose class has no public name."""
    inputs = package.Input((1,))
    return package.Model(inputs, inputs)


def _subclasses(base: Any) -> Iterator[Any]:
    for each in base.__subclasses__():
        yield each
        yield from _subclasses(each)


def _either(layer: Any, operation: Any) -> Any:
    class Either:
        """A layer or the operation of the same name."""

        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Any:
            """Build whichever the configuration is of."""
            return (layer if "trainable" in config else operation).from_config(config)

    return Either
