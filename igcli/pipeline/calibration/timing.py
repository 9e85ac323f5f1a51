"""How long a run would take, from a short measurement."""

import time
from collections.abc import Iterable

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import ImageError
from igcli.integration.network import Points
from igcli.models.load import Model
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.image.read import read_fitted
from igcli.records import Source

MEASURED_BATCHES = 3


def gradients_per_image(
    sources: Iterable[Source],
    *,
    settings: Settings,
    model: Model,
    spec: AttributionSpec,
    engine: Engine,
) -> int:
    """Return the number of gradients that the first readable image takes; 0 if none is readable.

    Args:
        sources: The images.
        settings: The resolved configuration.
        model: The network.
        spec: The attribution settings, resolved for the network.
        engine: Runs the network.
    """
    for source in sources:
        try:
            pixels = read_fitted(source, model, settings).astype(np.float32)
            [explanations] = engine.run([explain(pixels, spec, source)])
        except ImageError:
            continue
        return sum(part.evaluations for part in explanations)
    return 0


def seconds_for(images: int, gradients: int, engine: Engine) -> float:
    """Return the seconds that the gradients of a run would take.

    Args:
        images: Number of images.
        gradients: Number of gradients of each image.
        engine: The network and its batch size.
    """
    blank = np.zeros(engine.network.input_shape, np.float32)
    size = engine.batch_size
    zeros = np.zeros(size, np.int32)
    network = engine.network
    points = Points([network.place(blank, blank)], zeros, zeros.astype(np.float32), zeros)
    network.fetch(network.gradients(points).scores)  # Compiles.
    start = time.perf_counter()
    for _ in range(MEASURED_BATCHES):
        network.fetch(network.gradients(points).scores)
    return images * gradients / size * (time.perf_counter() - start) / MEASURED_BATCHES
