"""Calling a network with less at a time once the device's memory ran out."""

import logging

import numpy as np

from igcli.errors import OutOfMemoryError
from igcli.integration.network import Network, PointGradients
from igcli.pipeline.engine.batches import PointBatch
from igcli.records import Array

NOTHING_LEFT = (
    "model: the device's memory does not hold a single evaluation: free some, or choose a smaller "
    "network or input size"
)

log = logging.getLogger(__name__)


class Sparing:
    """A network whose batches are halved as often as needed; safe for several threads.

    Attributes:
        batch_size: Gradient evaluations at a time that the memory holds, as far as is known.
    """

    def __init__(self, network: Network, *, batch_size: int) -> None:
        self.batch_size = batch_size
        self._network = network
        self._most_inputs = 0

    def gradients(self, batch: PointBatch) -> list[tuple[PointBatch, PointGradients]]:
        """Differentiate a batch, in parts where it is too much; the parts stay in order.

        Raises:
            OutOfMemoryError: A single point is too much.
        """
        size = len(batch.points.line)
        if size <= self.batch_size:
            try:
                wanted = {name: getattr(batch, name) for name in ("each", "slopes", "interior")}
                return [(batch, self._network.gradients(batch.points, **wanted))]
            except OutOfMemoryError:
                if size <= self.batch_size:  # Otherwise another thread was first.
                    self.batch_size = _half(size)
                    log.warning("out of memory: batch_size %d is halved", size)
        return [each for part in batch.split(self.batch_size) for each in self.gradients(part)]

    def predict(self, inputs: Array) -> Array:
        """Return the scores, float32 (N, K), of inputs (N, ...); errors as in `gradients`."""
        size = min(self._most_inputs or len(inputs), len(inputs))
        try:
            parts = [inputs[at : at + size] for at in range(0, len(inputs), size)]
            return np.concatenate([self._network.predict(part) for part in parts])
        except OutOfMemoryError:
            self._most_inputs = _half(size)
            return self.predict(inputs)


def _half(size: int) -> int:
    if size == 1:
        raise OutOfMemoryError(NOTHING_LEFT)
    return size // 2
