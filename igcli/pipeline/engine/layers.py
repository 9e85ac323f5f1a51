"""Gradients at layers: requests of many jobs for the same layer, in batches of one size."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from igcli.integration.requests import LayerGradient
from igcli.records import Array

LAYER_SIZE = 8
"""Inputs at a time: a batch costs about as much as one of predictions."""


@dataclass(frozen=True, slots=True, eq=False)
class LayerBatch:
    """Inputs for `Network.layer_gradients`, the last one repeated, and the tickets of their jobs.

    Attributes:
        inputs: Float32 (B, ...).
        targets: Int32 (B,).
        layer: Name of the layer.
        masks: Float32 (B, P), or None.
        tickets: One for each request.
    """

    inputs: Array
    targets: npt.NDArray[np.int32]
    layer: str | None
    masks: Array | None
    tickets: list[Any]


class LayerQueue:
    """A queue of requests for gradients at layers, first in, first out for each layer.

    Attributes:
        pending: Number of requests that are not in a batch yet.
    """

    def __init__(self) -> None:
        self._open: defaultdict[str | None, list[tuple[LayerGradient, Any]]] = defaultdict(list)
        self.pending = 0

    def add(self, request: LayerGradient, ticket: Any) -> None:
        """Queue a request; its ticket comes back with the batch."""
        self._open[request.layer].append((request, ticket))
        self.pending += 1

    def has(self, size: int) -> bool:
        """Tell whether the requests for some layer fill a batch."""
        return any(len(requests) >= size for requests in self._open.values())

    def take(self, size: int) -> LayerBatch:
        """Return the next requests for the layer that has most of them."""
        layer = max(self._open, key=lambda name: len(self._open[name]))
        taken, self._open[layer] = self._open[layer][:size], self._open[layer][size:]
        self.pending -= len(taken)
        requests = [request for request, _ in taken]
        requests += [requests[-1]] * (size - len(requests))
        masks = [request.mask for request in requests if request.mask is not None]
        return LayerBatch(
            np.stack([request.input for request in requests]),
            np.array([request.target for request in requests], np.int32),
            layer,
            np.stack(masks) if masks else None,
            [ticket for _, ticket in taken],
        )
