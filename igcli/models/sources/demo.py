"""The embedded network."""

from importlib.resources import as_file, files

from igcli.demo.scenes import CLASSES
from igcli.models import hashing
from igcli.models.options import ModelOptions
from igcli.models.sources import OpenedModel, keras_file, keras_model


def load() -> OpenedModel:
    """Load the packaged weights; the network itself takes pixels 0...255."""
    with as_file(files("igcli.models") / "demo" / "demo.keras") as path:
        known = keras_model.Known("demo", hashing.of_file(str(path)), labels=CLASSES)
        return keras_model.loaded(keras_file.read(str(path), trust=False), known, ModelOptions())
