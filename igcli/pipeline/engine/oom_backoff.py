"""Out-of-memory backoff: smaller batches once the memory of the device has run out."""

import logging

import numpy as np

from igcli.errors import OutOfMemoryError
from igcli.integration.network import Network, PointGradients
from igcli.integration.requests import LayerGradients
from igcli.pipeline.engine.batches import PointBatch
from igcli.pipeline.engine.layers import LayerBatch
from igcli.records import Array

TOO_LITTLE = (
    "model: the device's memory does not hold a single evaluation: free some, or choose a smaller "
    "network or input size"
)

log = logging.getLogger(__name__)


class OomBackoff:
    """Calls a network, and halves batches that do not fit its memory; safe for several threads.

    Attributes:
        batch_size: Largest number of gradient evaluations at a time, as far as memory is known.
    """

    def __init__(self, network: Network, *, batch_size: int) -> None:
        self.batch_size = batch_size
        self._network = network
        self._max_inputs = 0

    def gradients(self, batch: PointBatch) -> list[tuple[PointBatch, PointGradients]]:
        """Return the gradients of a batch, or of the parts it had to be split into, in order.

        Raises:
            OutOfMemoryError: The memory does not hold a single point.
        """
        size = len(batch.points.line)
        if size <= self.batch_size:
            try:
                results = self._network.gradients(
                    batch.points,
                    per_point=batch.needs_per_point,
                    slopes=batch.needs_slopes,
                    interior=batch.needs_interior,
                )
                return [(batch, results)]
            except OutOfMemoryError:
                if size <= self.batch_size:  # Otherwise another thread has halved it.
                    self.batch_size = _half(size)
                    log.warning("out of memory: halving batch_size %d", size)
        parts = batch.split(self.batch_size)
        return [part_results for part in parts for part_results in self.gradients(part)]

    def predict(self, inputs: Array) -> Array:
        """Return the scores, float32 (N, K), of inputs (N, ...); raises as `gradients` does."""
        size = min(self._max_inputs or len(inputs), len(inputs))
        try:
            parts = [inputs[at : at + size] for at in range(0, len(inputs), size)]
            return np.concatenate([self._network.predict(part) for part in parts])
        except OutOfMemoryError:
            self._max_inputs = _half(size)
            return self.predict(inputs)

    def layer_gradients(self, batch: LayerBatch) -> list[LayerGradients]:
        """Return the answer for each input of a batch; raises as `gradients` does."""
        count = len(batch.inputs)
        size = min(self._max_inputs or count, count)
        answers: list[LayerGradients] = []
        try:
            for at in range(0, count, size):
                part = slice(at, at + size)
                masks = None if batch.masks is None else batch.masks[part]
                answers += self._network.layer_gradients(
                    batch.inputs[part], batch.targets[part], batch.layer, masks=masks
                )
            return answers
        except OutOfMemoryError:
            self._max_inputs = _half(size)
            return self.layer_gradients(batch)


def _half(size: int) -> int:
    if size == 1:
        raise OutOfMemoryError(TOO_LITTLE)
    return size // 2
