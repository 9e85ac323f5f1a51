"""Inception v1, the published network of the first systems."""

from dataclasses import replace

from igcli.models.catalog import published
from igcli.models.catalog.published import RELEASES
from igcli.models.options import ModelOptions, Normalization
from igcli.models.sources import OpenedModel, frozen_graph


def load(options: ModelOptions) -> OpenedModel:
    """Load it from the cache, downloaded if need be.

    Raises:
        ModelError: It cannot be had, or is not what was published.
    """
    release = RELEASES[options.source]
    contents = published.obtain(release)
    named = options.model_copy(
        update={"input": options.input or "input:0", "output": options.output or "softmax2:0"}
    )
    found = frozen_graph.parse(contents[release.graph.name], named)
    labels = tuple(contents[release.labels.name].decode("utf-8").splitlines())
    return replace(found, preprocess=Normalization(mean=117.0), labels=labels)
