"""A TensorFlow function as a network: frozen, compiled, differentiated to its input alone."""

import copy
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np

from igcli.errors import ModelError
from igcli.integration.network import PointGradients, Points
from igcli.models.graph.bfloat16 import in_bfloat16
from igcli.models.network import interpolation
from igcli.models.network.affine_stem import split
from igcli.models.network.device_arrays import residence
from igcli.models.network.full_rows import filled, in_full_rows, is_full
from igcli.models.network.head import Reading, explained_part, read_as, scores_of
from igcli.models.network.reentrant import reentrant
from igcli.models.runtime import out_of_memory, tensorflow
from igcli.records import Array

tf = tensorflow()

Function = Callable[..., Any]

AS_IT_IS = Reading()

NOT_FUSED = (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError)
"""What XLA raises where it has no equal of an operation."""

NOT_ROUNDED = (
    "model: it brings gradients of its own, which cannot be computed in bfloat16: choose precision "
    "float32 or auto"
)

SMALL_BATCHES = (2, 8)
"""Sizes beside the full one, each of them a trace."""

ROWS = (
    "model: it does not return one row of scores for each input: {rows} for a batch of {inputs}, "
    "as where it filters its inputs or sums over the batch"
)

log = logging.getLogger(__name__)


class TensorFlowNetwork:
    """Scores and gradients of a function whose variables are frozen to constants.

    Paths are followed behind its stem, the affine operations that it begins with.

    Attributes:
        input_shape: Shape of one input.
        small_batches: Sizes in which a gradient has the same bits as in a full batch.
        outputs: Number of scores.
        positions: Number of pixels of which each has scores of its own, as in segmentation; None
            where the scores are of the whole input.
        activation: What the network ends in: "softmax", "log softmax", "sigmoid" or None.
        is_binary: Whether its two scores are those of a single value, no and yes.
        explained: Whether scores are the output or the value before the activation.
        precision: What gradients are computed in: "float32" or "bfloat16"; scores that choose a
            target always in float32.
        has_bfloat16: Whether it may be "bfloat16".
    """

    def __init__(
        self,
        function: Function,
        input_shape: tuple[int, ...],
        *,
        device: str = "CPU:0",
        reading: Reading = AS_IT_IS,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        """Freeze `function`.

        Args:
            function: Scores (N, K) of inputs (N, ...) in pixel space, preprocessing included.
            input_shape: Shape of one input.
            device: TensorFlow's name of the device.
            reading: How its output is taken.
            precision: What gradients will be computed in.

        Raises:
            ModelError: The scores are neither (N, K) nor (N, H, W, K), do not depend on the input
                differentiably, end in another activation, or have gradients of their author's that
                cannot be bfloat16.
        """
        self.input_shape = input_shape
        self.precision = precision
        self._device = device
        self._residence = residence(device)
        self._is_fused = self._residence.is_fused
        self.accumulate = self._residence.accumulate
        self.fetch = self._residence.fetch
        self.streams = self._residence.streams
        with tf.device(device):
            traced, head = read_as(function, input_shape, reading)
            part = explained_part(traced, head, reading.explain)
            self._stem, self._rest = split(part, input_shape)
        self.has_bfloat16 = traced.source is None
        is_settled = self._residence.is_fused or traced.source is not None or head.batch is not None
        self.small_batches = () if is_settled else SMALL_BATCHES
        if precision == "bfloat16" and not self.has_bfloat16:
            raise ModelError(NOT_ROUNDED)
        self.outputs, self.activation, self.positions = (
            head.outputs,
            head.activation,
            head.positions,
        )
        self.is_binary, self.explained = head.is_binary, reading.explain
        self._batch = head.batch
        self._scored = partial(scores_of, head=head, explained=reading.explain)
        self._scores = self._scored(part)
        self._behind: dict[tuple[str, bool], Function] = {}
        self._predict = _traced(self._scores, *traced.signature)
        if self._stem is not None:
            one = tf.TensorSpec((1, *input_shape))
            self._values = _traced(self._stem.values, one)
            self._changes = _traced(self._stem.changes, one)
            upstream = tf.TensorSpec((1, *self._stem.output_shape))
            self._pulled_back = _traced(self._stem.gradients, upstream)
        self._inner_shape = input_shape if self._stem is None else self._stem.output_shape
        # By themselves, for each number of lines would be a trace of the network.
        several = tf.TensorSpec((None, *self._inner_shape))
        numbers = tf.TensorSpec((None,), tf.int32)
        given = [several, several, numbers, tf.TensorSpec((None,))]
        self._points = _traced(interpolation.points_on, *given)
        self._slopes_given = given[:3]
        self._inner_lines: dict[int, tuple[Any, Any, Any]] = {}
        self._tracing = threading.Lock()
        self._functions: dict[tuple[object, ...], Function] = {}

    @cached_property
    def _slopes(self) -> Function:
        return _traced(interpolation.slopes_along, *self._slopes_given)

    def uncompiled(self) -> "TensorFlowNetwork":
        """Return the same network with no gradient compiled, to be tried and let go."""
        found = copy.copy(self)
        found._functions = {}
        return found

    def predict(self, inputs: Array) -> Array:
        """Return float32 (N, K), or (N, P, K), the scores of inputs (N, ...) in pixel space.

        Raises:
            ModelError: There are more or fewer rows than inputs.
        """
        with self._computing():
            parts = [self._predict(*part).numpy() for part in self._cut([inputs])]
        found = np.asarray(np.concatenate(parts), np.float32)
        if self._batch is not None:
            found = found[: len(inputs)]
        if len(found) != len(inputs):
            raise ModelError(ROWS.format(rows=len(found), inputs=len(inputs)))
        return found

    def place(self, start: Array, direction: Array) -> interpolation.PlacedLine:
        """Bring a straight line to the device, and behind the stem."""
        place, keep = self._residence.place, self._residence.keep
        with self._computing():
            ends = place(start), place(direction)
            if self._stem is None:
                return interpolation.PlacedLine(*ends, ends)
            known = self._inner_lines.get(id(direction))
            if known is None or known[0]() is not start:
                first = keep(self._values(ends[0][None]))[0]
                # A single point has no direction.
                along = keep(self._changes(ends[1][None]))[0] if direction.any() else 0 * first
                known = weakref.ref(start), first, along
                # Refined paths come again and again, for as long as their direction lives.
                self._inner_lines[id(direction)] = known
                weakref.finalize(direction, self._inner_lines.pop, id(direction), None)
            return interpolation.PlacedLine(*known[1:], ends)

    def gradients(
        self, points: Points, *, each: bool = False, slopes: bool = False, interior: bool = False
    ) -> PointGradients:
        """Differentiate each point's target score; traced once for every size of batch."""
        stack, keep = self._residence.stack, self._residence.keep
        with self._computing():
            starts = stack([line.start for line in points.lines])
            directions = stack([line.direction for line in points.lines])
            rows = [self._points(starts, directions, points.line, points.alpha), points.target]
            ends = []
            if self.positions is not None:
                everywhere = np.ones(self.positions, np.float32)
                masks = points.masks or [everywhere] * len(points.lines)
                rows.append(np.stack(masks)[points.line])
            if interior:
                rows.append(points.line)
                ends = [stack([line.ends[side] for line in points.lines]) for side in (0, 1)]
            found = self._differentiated(rows, ends, each=each, interior=interior)
            scores, summands, gradients, maps = found
            return PointGradients(
                keep(scores),
                keep(summands),
                keep(gradients) if each else None,
                keep(self._slopes(directions, summands, points.line)) if slopes else None,
                keep(maps) if interior else None,
            )

    def gradient_of(self, total: Any) -> Array:
        """Bring a sum of gradients back through the stem."""
        if self._stem is None:
            return self.fetch(total)
        with self._computing():
            return self.fetch(self._residence.keep(self._pulled_back(tf.constant(total[None])))[0])

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with out_of_memory(), reentrant(), tf.device(self._device):
            yield

    def _differentiated(self, rows: Sequence[Any], ends: Sequence[Any], **wanted: bool) -> Any:
        """Return what `_score_gradients` does.

        Args:
            rows: What each point has, (B, ...).
            ends: What interior gradients need of the lines.
            wanted: What is wanted beside scores and summands.
        """
        count = len(rows[0])
        found = [self._computed(part, ends, **wanted) for part in self._cut(rows)]
        if len(found) == 1 and self._batch is None:
            return found[0]
        joined = zip(*found, strict=True)
        return [None if part[0] is None else tf.concat(part, 0)[:count] for part in joined]

    def _cut(self, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Yield rows in batches of the only size that the network takes, if there is one."""
        if self._batch is None:
            yield rows
            return
        count = len(rows[0])
        for first in range(0, count, self._batch):
            # The last one is repeated where a batch is not full.
            places = np.minimum(np.arange(first, first + self._batch), count - 1)
            yield [tf.gather(row, places) for row in rows]

    def _computed(self, rows: Sequence[Any], ends: Sequence[Any], **wanted: bool) -> Any:
        try:
            return self._compiled(len(rows[0]), **wanted)(*rows, *ends)
        except NOT_FUSED as error:
            if not self._is_fused:
                self._check_rows(rows[0])
                raise
            log.debug("not compiled by XLA: %s", error)
            self._is_fused = False
            self._functions.clear()
            return self._compiled(len(rows[0]), **wanted)(*rows, *ends)

    def _check_rows(self, points: Any) -> None:
        rows = len(self._scores_behind(len(points))(points))
        if rows != len(points):
            raise ModelError(ROWS.format(rows=rows, inputs=len(points)))

    def _compiled(self, size: int, **wanted: bool) -> Function:
        """Return the function for batches of a size, traced when it is first asked for."""
        key = size, self.precision, *wanted.values()
        with self._tracing:
            if key not in self._functions:
                signature = [
                    tf.TensorSpec((size, *self._inner_shape)),
                    tf.TensorSpec((size,), tf.int32),
                ]
                if self.positions is not None:
                    signature.append(tf.TensorSpec((size, self.positions)))
                if wanted["interior"]:
                    signature.append(tf.TensorSpec((size,), tf.int32))
                    signature += [tf.TensorSpec((None, *self.input_shape))] * 2
                # One at a time: a frozen graph cannot be differentiated by two threads at once.
                self._functions[key] = _traced(
                    partial(self._score_gradients, self._scores_behind(size), **wanted),
                    *signature,
                    jit_compile=True if self._is_fused else None,
                )
            return self._functions[key]

    def _scores_behind(self, size: int) -> Function:
        """Return the function of the scores behind the stem, made once for each way to compute."""
        key = self.precision, bool(self.small_batches) and not is_full(size)
        if key not in self._behind:
            precision, is_filled = key
            rest = in_bfloat16(self._rest) if precision == "bfloat16" else self._rest
            self._behind[key] = self._scored(in_full_rows(rest) if is_filled else rest)
        return self._behind[key]

    def _score_gradients(
        self, function: Function, points: Any, target: Any, *others: Any, each: bool, interior: bool
    ) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(points)
            scores = tf.gather(function(points), target, batch_dims=1, axis=-1)
            if self.positions is not None:
                scores = tf.reduce_sum(others[0] * scores, -1)
        try:
            summands = tape.gradient(scores, points)
        except LookupError as error:
            raise ModelError(f"model: an operation in it has no gradient: {error}") from None
        if summands is None:
            raise ModelError("model: its scores have no gradient with respect to its input")
        gradients = maps = None
        if each or interior:
            gradients = self._pulled_back_each(summands, points.shape[0])
        if interior:
            line, starts, directions = others[-3:]
            maps = tf.reduce_mean(tf.gather(starts + directions, line) * gradients, -1)
        return scores, summands, gradients if each else None, maps

    def _pulled_back_each(self, summands: Any, size: int) -> Any:
        """Bring each gradient of a batch back through the stem."""
        if self._stem is None:
            return summands
        if not self.small_batches or is_full(size):
            return self._stem.gradients(summands)
        return self._stem.gradients(filled(summands))[:size]


def _traced(function: Function, *signature: Any, jit_compile: bool | None = None) -> Function:
    """Return a function traced once; TensorFlow would warn of many that trace at their calls."""
    traced = tf.function(lambda *given: function(*given), autograph=False, jit_compile=jit_compile)
    return traced.get_concrete_function(*signature)  # type: ignore[no-any-return]
