"""A TensorFlow function as a network: frozen, compiled, differentiated to its input alone."""

import copy
import logging
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from igcli.errors import ModelError
from igcli.models.exhaustion import out_of_memory
from igcli.models.graph import freeze
from igcli.models.head import head_of, scores_of
from igcli.models.options import Explained
from igcli.models.precision import computing_in
from igcli.models.residence import residence
from igcli.models.runtime import tensorflow
from igcli.paths.network import PointGradients, Points
from igcli.records import Array

tf = tensorflow()

Function = Callable[[Any], Any]

NOT_FUSED = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
"""What XLA raises where it has no equal of an operation."""

log = logging.getLogger(__name__)


class TensorFlowNetwork:
    """Scores and gradients of a function whose variables are frozen to constants.

    Attributes:
        input_shape: Shape of one input.
        outputs: Number of scores.
        activation: What the network ends in: "softmax", "log softmax", "sigmoid" or None.
        precision: What gradients are computed in: "float32" or "bfloat16"; scores that choose a
            target always in float32.
    """

    def __init__(
        self,
        function: Function,
        input_shape: tuple[int, ...],
        *,
        device: str = "CPU:0",
        explain: Explained = "probability",
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        """Freeze `function`.

        Args:
            function: Scores (N, K) of inputs (N, ...) in pixel space, preprocessing included.
            input_shape: Shape of one input.
            device: TensorFlow's name of the device.
            explain: The output as it is, or the value before its softmax or sigmoid.
            precision: What gradients will be computed in; another one later works, and is slower.

        Raises:
            ModelError: The scores are not (N, K), or do not depend on the input differentiably.
        """
        self.input_shape = input_shape
        self.precision = precision
        self._device = device
        self._residence = residence(device)
        self._is_fused = self._residence.is_fused
        self.place = self._residence.place
        self.accumulate = self._residence.accumulate
        self.fetch = self._residence.fetch
        signature = [tf.TensorSpec((None, *input_shape), tf.float32)]
        with tf.device(device):
            traced = freeze(function, signature, constant_weights=precision == "bfloat16")
        head = head_of(traced)
        self.outputs, self.activation = head.outputs, head.activation
        self._scores = scores_of(traced, head, explain)
        self._predict = tf.function(self._scores, autograph=False)
        self._differentiate = self._compiled()

    @property
    def streams(self) -> int:
        """Batches computed at the same time; TensorFlow's switch to bfloat16 is one for all."""
        return self._residence.streams if self.precision == "float32" else 1

    def uncompiled(self) -> "TensorFlowNetwork":
        """Return the same network with no gradient compiled, to be tried and let go."""
        found = copy.copy(self)
        found._differentiate = found._compiled()
        return found

    def predict(self, inputs: Array) -> Array:
        """Return float32 (N, K), the scores of inputs (N, ...) in pixel space."""
        with out_of_memory(), tf.device(self._device):
            return np.asarray(self._predict(inputs).numpy(), np.float32)

    def gradients(
        self, points: Points, *, slopes: bool = False, interior: bool = False
    ) -> PointGradients:
        """Differentiate each point's target score; traced once for every size of batch."""
        stack = self._residence.stack
        with out_of_memory(), tf.device(self._device), computing_in(self.precision):
            lines = stack(points.starts), stack(points.directions)
            scores, gradients, derivatives, maps = self._differentiated(
                lines,
                points.line,
                points.alpha,
                points.target,
                slopes=slopes,
                interior=interior,
                rounding=self.precision == "bfloat16",
            )
            keep = self._residence.keep
            return PointGradients(
                keep(scores),
                keep(gradients),
                keep(derivatives) if slopes else None,
                keep(maps) if interior else None,
            )

    def _compiled(self) -> Any:
        # Batches hold points of one line or many; without this each number would be a trace.
        return tf.function(
            self._score_gradients,
            autograph=False,
            reduce_retracing=True,
            jit_compile=True if self._is_fused else None,
        )

    def _differentiated(self, *arguments: Any, **wanted: bool) -> Any:
        try:
            return self._differentiate(*arguments, **wanted)
        except NOT_FUSED as error:
            if not self._is_fused:
                raise
            log.debug("not compiled by XLA: %s", error)
            self._is_fused = False
            self._differentiate = self._compiled()
            return self._differentiate(*arguments, **wanted)

    def _score_gradients(
        self, lines: Any, line: Any, alpha: Any, target: Any, **wanted: bool
    ) -> Any:
        starts, directions = lines
        rounding = wanted["rounding"]
        inputs = (_elementwise_points if rounding else _points)(lines, line, alpha)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            scores = tf.gather(self._scores(inputs), target, batch_dims=1)
        try:
            gradients = tape.gradient(scores, inputs)
        except LookupError as error:
            raise ModelError(f"model: an operation in it has no gradient: {error}") from None
        if gradients is None:
            raise ModelError("model: its scores have no gradient with respect to its input")
        derivatives = None
        if wanted["slopes"]:
            derivatives = (_elementwise_slopes if rounding else _slopes)(
                gradients, directions, line
            )
        maps = None
        if wanted["interior"]:
            maps = tf.reduce_mean(tf.gather(starts + directions, line) * gradients, -1)
        return scores, gradients, derivatives, maps


def _points(lines: Any, line: Any, alpha: Any) -> Any:
    """Return start + alpha * direction as one product of matrices, which writes memory once."""
    starts, directions = lines
    chosen = tf.one_hot(line, tf.shape(starts)[0])
    factors = tf.concat([chosen, chosen * alpha[:, None]], 1)
    ends = tf.concat([starts, directions], 0)
    flat = tf.matmul(factors, tf.reshape(ends, [tf.shape(ends)[0], -1]))
    return tf.reshape(flat, [line.shape[0] or tf.shape(line)[0], *starts.shape[1:]])


def _elementwise_points(lines: Any, line: Any, alpha: Any) -> Any:
    """Return the same without a product of matrices, which bfloat16 would round."""
    starts, directions = (tf.gather(each, line) for each in lines)
    return starts + tf.reshape(alpha, [-1] + [1] * (starts.shape.rank - 1)) * directions


def _elementwise_slopes(gradients: Any, directions: Any, line: Any) -> Any:
    """Return the same as `_slopes` without a product of matrices."""
    return tf.reduce_sum(gradients * tf.gather(directions, line), range(1, gradients.shape.rank))


def _slopes(gradients: Any, directions: Any, line: Any) -> Any:
    """Return each gradient times its direction; line by line, so that S does not change a bit."""
    flat = tf.reshape(gradients, [tf.shape(gradients)[0], -1])
    every = tf.map_fn(lambda each: tf.linalg.matvec(flat, tf.reshape(each, [-1])), directions)
    return tf.gather(tf.transpose(every), line, batch_dims=1)
