"""Where inputs and gradients live while a batch is computed: in NumPy's memory or on a GPU."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from igcli.models.runtime import tensorflow, translate_device_errors
from igcli.records import Array

tf = tensorflow()

XLA_ERRORS = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
"""What XLA raises if it does not support an operation."""

CACHED_ARRAYS = 4
"""Arrays kept on the device in case they are placed again."""


class DeviceArrays(Protocol):
    """Keeps arrays where the network computes.

    A placed array is a NumPy array on a CPU and a tensor on an accelerator.

    Attributes:
        is_fused: Whether XLA compiles operations into one another. On CPUs that is 2 to 20 times
            slower.
        streams: Batches computed at the same time. On two cores with AVX-512 a second one gives
            5% (ResNet50V2) to 26% (a MobileNet of width 0.25) more gradients a second, because the
            threads of one batch need not wait for each other after every operation.
    """

    is_fused: bool
    streams: int

    def place(self, array: Array) -> Any:
        """Bring one input there."""
        ...

    def stack(self, placed: Sequence[Any]) -> Any:
        """Join S placed inputs to one array (S, ...), or a longer one."""
        ...

    def keep(self, tensor: Any) -> Any:
        """Keep a tensor that the network returned."""
        ...

    def rows(self, placed: Any, rows: slice) -> Any:
        """Return some rows of an array, still there."""
        ...

    def accumulate(self, total: Any | None, gradients: Any, weights: Array) -> Any:
        """Add weights (P,) times gradients (P, ...) to the total, in order."""
        ...

    def fetch(self, placed: Any) -> Array:
        """Return a placed array as a NumPy array, which may be a view of it."""
        ...


class HostArrays:
    """On a CPU, NumPy's memory is the device's: nothing is copied without need."""

    is_fused = False
    streams = 2

    def place(self, array: Array) -> Array:
        """Return the array itself."""
        return array

    def stack(self, placed: Sequence[Array]) -> Array:
        """Join inputs."""
        return np.stack(placed)

    def keep(self, tensor: Any) -> Array:
        """View the tensor's memory; `tensor.numpy()` would copy it."""
        return np.asarray(memoryview(tensor))

    def rows(self, placed: Array, rows: slice) -> Array:
        """View some rows."""
        return placed[rows]

    def accumulate(self, total: Array | None, gradients: Array, weights: Array) -> Array:
        """Add in place, 3 to 4 times faster than a TensorFlow loop on two cores."""
        if total is None:
            total = np.zeros_like(gradients[0])
        product = np.empty_like(total)
        for weight, gradient in zip(weights, gradients, strict=True):
            total += np.multiply(gradient, weight, out=product)
        return total

    def fetch(self, placed: Array) -> Array:
        """Return the array itself."""
        return placed


class AcceleratorArrays:
    """On an accelerator, arrays stay there until they are fetched."""

    is_fused = True
    streams = 1

    def __init__(self, device: str) -> None:
        self._device = device
        # Traced once for all shapes: TensorFlow would warn if each network traced its own.
        signature = [tf.TensorSpec(None), tf.TensorSpec(None), tf.TensorSpec((None,))]
        with tf.device(device):
            self._accumulate = tf.function(_accumulate).get_concrete_function(*signature)
        self._cache: OrderedDict[int, tuple[Array, Any]] = OrderedDict()

    def place(self, array: Array) -> Any:
        """Copy to the device, once for an array that is placed repeatedly, such as a baseline."""
        if id(array) not in self._cache:
            with tf.device(self._device):
                self._cache[id(array)] = array, tf.constant(array)
            if len(self._cache) > CACHED_ARRAYS:
                self._cache.popitem(last=False)
        self._cache.move_to_end(id(array))
        return self._cache[id(array)][1]

    def stack(self, placed: Sequence[Any]) -> Any:
        """Join inputs; the last is repeated up to a power of two, so that few lengths occur."""
        missing = (1 << (len(placed) - 1).bit_length()) - len(placed)
        with tf.device(self._device):
            return tf.stack([*placed, *[placed[-1]] * missing])

    def keep(self, tensor: Any) -> Any:
        """Leave the tensor on the device."""
        return tensor

    def rows(self, placed: Any, rows: slice) -> Any:
        """Cut on the device; TensorFlow would copy the whole array to the first GPU for it."""
        with translate_device_errors(self._device), tf.device(self._device):
            return placed[rows]

    def accumulate(self, total: Any | None, gradients: Any, weights: Array) -> Any:
        """Add on the device, one gradient after the other."""
        with translate_device_errors(self._device), tf.device(self._device):
            if total is None:
                total = tf.zeros_like(gradients[0])
            return self._accumulate(total, gradients, tf.constant(weights))

    def fetch(self, placed: Any) -> Array:
        """Copy from the device, where a failure during the computation may show only now."""
        with translate_device_errors(self._device):
            return np.asarray(placed, np.float32)


def arrays_on(device: str) -> DeviceArrays:
    """Return where arrays live for TensorFlow's name of a device, such as "GPU:0"."""
    return HostArrays() if device.startswith("CPU") else AcceleratorArrays(device)


def _accumulate(total: Any, gradients: Any, weights: Any) -> Any:
    # A reduction could choose its order, and the sum would depend on the batches.
    for index in tf.range(tf.size(weights)):
        total += weights[index] * gradients[index]
    return total
