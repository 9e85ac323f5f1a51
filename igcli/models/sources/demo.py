"""The embedded network."""

from dataclasses import replace
from importlib.resources import as_file, files

from igcli.models.demo.scenes import CLASSES
from igcli.models.sources import Loaded, keras_file


def load() -> Loaded:
    """Load the packaged weights; the network itself takes pixels 0...255."""
    with as_file(files("igcli.models.demo") / "demo.keras") as path:
        return replace(keras_file.load(str(path)), labels=CLASSES)
