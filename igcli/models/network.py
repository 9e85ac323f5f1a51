"""A TensorFlow function as a network: frozen, compiled, differentiated to its input alone."""

from collections.abc import Callable
from typing import Any

import numpy as np

# The public converter, tf.lite's, wants a SavedModel on disk.
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from igcli.errors import ModelError
from igcli.models.residence import residence
from igcli.models.runtime import tensorflow
from igcli.paths.network import PointGradients, Points
from igcli.records import Array

tf = tensorflow()

Function = Callable[[Any], Any]


class TensorFlowNetwork:
    """Scores and gradients of a function whose variables are frozen to constants.

    Attributes:
        input_shape: Shape of one input.
        outputs: Number of scores.
    """

    def __init__(
        self, function: Function, input_shape: tuple[int, ...], *, device: str = "CPU:0"
    ) -> None:
        """Freeze `function`.

        Args:
            function: Scores (N, K) of inputs (N, ...) in pixel space, preprocessing included.
            input_shape: Shape of one input.
            device: TensorFlow's name of the device.

        Raises:
            ModelError: The scores are not (N, K), or do not depend on the input differentiably.
        """
        self.input_shape = input_shape
        self._device = device
        self._residence = residence(device)
        self.place = self._residence.place
        self.accumulate = self._residence.accumulate
        self.fetch = self._residence.fetch
        self._scores = _freeze(function, input_shape)
        shape = self._scores.outputs[0].shape
        if shape.rank != 2 or shape[1] is None:
            raise ModelError(
                f"model: the output has shape {tuple(shape)}, expected (images, classes)"
            )
        self.outputs = int(shape[1])
        self._predict = tf.function(lambda inputs: self._scores(inputs)[0])
        self._differentiate = tf.function(self._score_gradients)

    def predict(self, inputs: Array) -> Array:
        """Return float32 (N, K), the scores of inputs (N, ...) in pixel space."""
        with tf.device(self._device):
            return np.asarray(self._predict(inputs).numpy(), np.float32)

    def gradients(
        self, points: Points, *, slopes: bool = False, interior: bool = False
    ) -> PointGradients:
        """Differentiate each point's target score; traced once for every size of batch."""
        stack = self._residence.stack
        with tf.device(self._device):
            lines = stack(points.starts), stack(points.directions)
            scores, gradients, derivatives, maps = self._differentiate(
                lines, points.line, points.alpha, points.target, slopes=slopes, interior=interior
            )
            return PointGradients(
                scores.numpy(),
                self._residence.keep(gradients),
                derivatives.numpy() if slopes else None,
                maps.numpy() if interior else None,
            )

    def _score_gradients(
        self, lines: Any, line: Any, alpha: Any, target: Any, *, slopes: bool, interior: bool
    ) -> Any:
        starts, directions = lines
        inputs = _points(lines, line, alpha)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            scores = tf.gather(self._scores(inputs)[0], target, batch_dims=1)
        gradients = tape.gradient(scores, inputs)
        if gradients is None:
            raise ModelError("model: its scores have no gradient with respect to its input")
        derivatives = _slopes(gradients, directions, line) if slopes else None
        maps = None
        if interior:
            maps = tf.reduce_mean(tf.gather(starts + directions, line) * gradients, -1)
        return scores, gradients, derivatives, maps


def _points(lines: Any, line: Any, alpha: Any) -> Any:
    """Return start + alpha * direction as one product of matrices, which writes memory once."""
    starts, directions = lines
    chosen = tf.one_hot(line, tf.shape(starts)[0])
    factors = tf.concat([chosen, chosen * alpha[:, None]], 1)
    ends = tf.concat([starts, directions], 0)
    flat = tf.matmul(factors, tf.reshape(ends, [tf.shape(ends)[0], -1]))
    return tf.reshape(flat, [line.shape[0], *starts.shape[1:]])


def _slopes(gradients: Any, directions: Any, line: Any) -> Any:
    """Return each gradient times its direction; line by line, so that S does not change a bit."""
    flat = tf.reshape(gradients, [tf.shape(gradients)[0], -1])
    every = tf.map_fn(lambda each: tf.linalg.matvec(flat, tf.reshape(each, [-1])), directions)
    return tf.gather(tf.transpose(every), line, batch_dims=1)


def _freeze(function: Function, input_shape: tuple[int, ...]) -> Any:
    """Turn variables into constants, so that folding them is the compiler's to do once."""
    signature = tf.TensorSpec((None, *input_shape), tf.float32)
    concrete = tf.function(function).get_concrete_function(signature)
    return convert_variables_to_constants_v2(concrete, lower_control_flow=False)
