"""The networks known by a name of their own: demo and inception_v1."""

from dataclasses import replace
from importlib.resources import as_file, files

from igcli.models import hashing
from igcli.models.catalog import published
from igcli.models.options import ModelOptions, Normalization
from igcli.models.sources import OpenedModel, frozen_graph, keras_file, keras_model


def load_demo() -> OpenedModel:
    """Load the embedded network, which takes pixels 0...255."""
    folder = files("igcli.models") / "demo"
    labels = tuple((folder / "labels.txt").read_text("utf-8").splitlines())
    with as_file(folder / "demo.keras") as path:
        facts = keras_model.ModelFacts("demo", hashing.of_file(str(path)), labels=labels)
        model = keras_file.read(str(path), trust=False)
        return keras_model.from_keras(model, facts, ModelOptions())


def load_inception_v1(options: ModelOptions) -> OpenedModel:
    """Load the published Inception v1 from the cache, downloading it if necessary.

    Raises:
        ModelError: It could not be downloaded, or differs from what was published.
    """
    release = published.RELEASES[options.source]
    contents = published.fetch(release)
    tensors = {"input": options.input or "input:0", "output": options.output or "softmax2:0"}
    data, names = contents[release.graph.name], contents[release.labels.name]
    opened = frozen_graph.parse(data, options.model_copy(update=tensors))
    labels = tuple(names.decode("utf-8").splitlines())
    return replace(opened, preprocess=Normalization(mean=117.0), labels=labels)
