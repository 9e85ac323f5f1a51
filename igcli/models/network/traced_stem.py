"""The affine stem of a network, traced, and the lines that were brought through it."""

import weakref
from typing import Any

from igcli.models.network.affine_stem import AffineStem
from igcli.models.network.device_arrays import DeviceArrays
from igcli.models.network.tracing import traced
from igcli.models.runtime import tensorflow
from igcli.records import Array

tf = tensorflow()


class TracedStem:
    """Brings single lines to the values after a stem, and totals of gradients back to pixels."""

    def __init__(self, stem: AffineStem, arrays: DeviceArrays) -> None:
        """Trace the stem.

        Args:
            stem: The stem.
            arrays: Where placed arrays live.
        """
        self._keep = arrays.keep
        one_input = tf.TensorSpec((1, *stem.input_shape))
        self._values = traced(stem.values, one_input)
        self._changes = traced(stem.changes, one_input)
        self._gradients = traced(stem.gradients, tf.TensorSpec((1, *stem.output_shape)))
        self._lines: dict[int, tuple[Any, Any, Any]] = {}

    def line(self, start: Array, direction: Array, ends: tuple[Any, Any]) -> tuple[Any, Any]:
        """Return start and direction of a straight line after the stem, placed.

        Args:
            start: Of the line, in pixel space.
            direction: Likewise.
            ends: Both, placed.
        """
        cached = self._lines.get(id(direction))
        if cached is None or cached[0]() is not start:
            inner_start = self._keep(self._values(ends[0][None]))[0]
            # The direction of a single point is zero.
            inner_direction = (
                self._keep(self._changes(ends[1][None]))[0] if direction.any() else 0 * inner_start
            )
            cached = weakref.ref(start), inner_start, inner_direction
            # Refined paths are placed repeatedly, for as long as their direction lives.
            self._lines[id(direction)] = cached
            weakref.finalize(direction, self._lines.pop, id(direction), None)
        return cached[1:]

    def gradient(self, total: Any) -> Any:
        """Return the gradient in pixel space, placed, of a total of gradients after the stem."""
        return self._keep(self._gradients(tf.constant(total[None])))[0]
