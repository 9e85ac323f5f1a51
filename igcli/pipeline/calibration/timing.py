"""How long a run would take, from a short measurement."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from igcli.config.schema import Settings
from igcli.errors import ImageError
from igcli.images.decode import decode
from igcli.images.files import read_file
from igcli.integration.network import Points
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.image.fitting import fitted
from igcli.records import Source

if TYPE_CHECKING:
    from igcli.pipeline.runs.prepared import Prepared

TIMED = 3


def evaluations_for(sources: Iterable[Source], settings: Settings, prepared: "Prepared") -> int:
    """Return the gradients that the first image takes that can be read; 0 where none can.

    Args:
        sources: The images.
        settings: The resolved configuration.
        prepared: The network and what is asked.
    """
    for source in sources:
        try:
            pixels = decode(read_file(source.path, most=settings.max_bytes), settings)
            image = fitted(pixels, prepared.model, settings.model).astype(np.float32)
            [found] = prepared.engine.run([explain(image, prepared.spec, source)])
        except ImageError:
            continue
        return sum(each.evaluations for each in found)
    return 0


def seconds_for(images: int, evaluations: int, engine: Engine) -> float:
    """Return the seconds that the gradients of a run would take.

    Args:
        images: How many.
        evaluations: Gradients of each.
        engine: The network and its batch.
    """
    blank = np.zeros(engine.network.input_shape, np.float32)
    size = engine.batch_size
    zeros = np.zeros(size, np.int32)
    network = engine.network
    points = Points([network.place(blank, blank)], zeros, zeros.astype(np.float32), zeros)
    network.fetch(network.gradients(points).scores)  # Compiles.
    start = time.perf_counter()
    for _ in range(TIMED):
        network.fetch(network.gradients(points).scores)
    return images * evaluations / size * (time.perf_counter() - start) / TIMED
