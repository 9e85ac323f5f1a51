"""A TensorFlow function as a network: frozen, compiled, differentiated by its input alone."""

import copy
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from igcli.errors import ModelError
from igcli.integration.network import PointGradients, Points
from igcli.integration.requests import LayerGradients
from igcli.models.graph.bfloat16 import in_bfloat16
from igcli.models.graph.compact_gradients import with_compact_gradients
from igcli.models.graph.freeze import FrozenGraph
from igcli.models.graph.full_rows import in_full_rows, is_full, padded_rows
from igcli.models.network import interpolation
from igcli.models.network.affine_stem import channel_means, split_stem
from igcli.models.network.device_arrays import XLA_ERRORS, arrays_on
from igcli.models.network.head import (
    HeadOptions,
    explained_graph,
    freeze_with_head,
    scores_function,
)
from igcli.models.network.layer_gradients import LayerFunctions
from igcli.models.network.reentrant import reentrant
from igcli.models.network.traced_stem import TracedStem
from igcli.models.network.tracing import compiled_by_xla, traced
from igcli.models.runtime import tensorflow, translate_device_errors
from igcli.records import Array

tf = tensorflow()

Function = Callable[..., Any]

DEFAULT_HEAD = HeadOptions()

NO_BFLOAT16 = (
    "model: it has custom gradients, which cannot be computed in bfloat16: choose precision "
    "float32 or auto"
)

SMALL_BATCHES = (2, 8)
"""Batch sizes beside the full one; each is traced."""

WRONG_ROWS = (
    "model: it does not return one row of scores for each input, but {rows} for a batch of "
    "{inputs}; it may filter its inputs or sum over the batch"
)

log = logging.getLogger(__name__)


class TensorFlowNetwork:
    """Scores and gradients of a function whose variables are frozen to constants.

    Points on paths are interpolated after its stem, the affine operations that it begins with.

    Attributes:
        device: TensorFlow's name of the device that computes.
        memory: Where placed lines are: that device, or "CPU" for all devices of the CPU.
        input_shape: Shape of one input.
        small_batches: Batch sizes in which a gradient has the same bits as in a full batch.
        outputs: Number of scores.
        positions: Number of pixels if each has scores of its own, as in segmentation; None if the
            scores are those of the whole input.
        activation: What the network ends in: "softmax", "log softmax", "sigmoid" or None.
        is_binary: Whether its two scores, of no and yes, come from a single value.
        explained: "probability" if scores are the output, "logit" if they are the value before the
            activation.
        precision: The precision of gradients, "float32" or "bfloat16". Scores that choose a target
            are always computed in float32.
        has_bfloat16: Whether `precision` may be "bfloat16".
    """

    def __init__(
        self,
        function: Function,
        input_shape: tuple[int, ...],
        *,
        device: str = "CPU:0",
        head_options: HeadOptions = DEFAULT_HEAD,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        """Freeze `function`.

        Args:
            function: Scores (N, K) of inputs (N, ...) in pixel space, preprocessing included.
            input_shape: Shape of one input.
            device: TensorFlow's name of the device.
            head_options: How its output becomes scores.
            precision: The precision of gradients.

        Raises:
            ModelError: The scores are neither (N, K) nor (N, H, W, K), have no gradient, end in
                another activation, or have custom gradients that cannot be bfloat16.
        """
        self.input_shape = input_shape
        self.precision = precision
        with tf.device(device):
            frozen, head = freeze_with_head(function, input_shape, head_options)
        self.has_bfloat16 = frozen.source is None
        if precision == "bfloat16" and not self.has_bfloat16:
            raise ModelError(NO_BFLOAT16)
        self.outputs, self.positions = head.outputs, head.positions
        self.activation, self.is_binary = head.activation, head.is_binary
        self.explained = head_options.explain
        self._head, self._fixed_batch = head, head.batch
        self._with_scores = partial(scores_function, head=head, explain=head_options.explain)
        self._trace_lock = threading.Lock()
        self._settle(frozen, device)
        self._layers: LayerFunctions | None = LayerFunctions(
            function, input_shape, head_options, device, self._is_fused
        )

    def _settle(self, frozen: FrozenGraph, device: str) -> None:
        """Set everything that belongs to a device, given the function there."""
        self.device = device
        self.memory = "CPU" if device.startswith("CPU") else device
        self._frozen = frozen
        self._arrays = arrays_on(device)
        self._is_fused = self._arrays.is_fused
        self.rows = self._arrays.rows
        self.accumulate = self._arrays.accumulate
        self.fetch = self._arrays.fetch
        self.streams = self._arrays.streams
        has_one_size = self._is_fused or frozen.source is not None or self._fixed_batch is not None
        self.small_batches = () if has_one_size else SMALL_BATCHES
        with tf.device(device):
            graph = explained_graph(frozen, self._head, self.explained)
            self._stem, self._rest = split_stem(graph, self.input_shape, is_fused=self._is_fused)
        self._scores = self._with_scores(graph)
        self._predict = traced(self._scores, *frozen.signature)
        self._scores_after_stem: dict[tuple[str, bool], Function] = {}
        self._traced_stem = None if self._stem is None else TracedStem(self._stem, self._arrays)
        self._inner_shape = self._stem.output_shape if self._stem else self.input_shape
        # Separate functions: as parts of the network's they would have it traced again for every
        # number of lines.
        inner = tf.TensorSpec((None, *self._inner_shape))
        line = tf.TensorSpec((None,), tf.int32)
        self._points = traced(interpolation.points_on, inner, inner, line, tf.TensorSpec((None,)))
        self._slopes_signature = [inner, inner, line]
        self.__dict__.pop("_slopes", None)
        self._functions: dict[tuple[object, ...], Function] = {}

    def on(self, device: str) -> "TensorFlowNetwork":
        """Return the same network on another device; nothing is read or folded again.

        Raises:
            DeviceError: The device fails.
            OutOfMemoryError: It has too little memory for the weights.
        """
        network = copy.copy(self)
        with translate_device_errors(device):
            with tf.device(device):
                frozen = self._frozen.moved()
            network._settle(frozen, device)
        network._layers = self._layers and self._layers.on(device)
        return network

    @cached_property
    def _slopes(self) -> Function:
        return traced(interpolation.slopes_along, *self._slopes_signature)

    @property
    def devices(self) -> tuple[str, ...]:
        """TensorFlow's names of the devices in use."""
        return (self.device,)

    def uncompiled(self) -> "TensorFlowNetwork":
        """Return the same network without compiled gradients, for trials that are thrown away."""
        network = copy.copy(self)
        network._functions = {}
        return network

    def predict(self, inputs: Array) -> Array:
        """Return float32 (N, K), or (N, P, K), the scores of inputs (N, ...) in pixel space.

        Raises:
            ModelError: The network returns more or fewer rows than inputs.
        """
        with self._computing():
            batches = [self._predict(*batch).numpy() for batch in self._batches([inputs])]
        scores = np.asarray(np.concatenate(batches), np.float32)
        if self._fixed_batch is not None:
            scores = scores[: len(inputs)]
        if len(scores) != len(inputs):
            raise ModelError(WRONG_ROWS.format(rows=len(scores), inputs=len(inputs)))
        return scores

    def place(self, start: Array, direction: Array) -> interpolation.PlacedLine:
        """Bring a straight line to the device, both in pixel space and after the stem."""
        with self._computing():
            ends = self._arrays.place(start), self._arrays.place(direction)
            if self._traced_stem is None:
                return interpolation.PlacedLine(*ends, ends)
            return interpolation.PlacedLine(*self._traced_stem.line(start, direction, ends), ends)

    def gradients(
        self,
        points: Points,
        *,
        per_point: bool = False,
        slopes: bool = False,
        interior: bool = False,
    ) -> PointGradients:
        """Differentiate each point's target score; traced once for every batch size."""
        stack, keep = self._arrays.stack, self._arrays.keep
        with self._computing():
            starts = stack([line.start for line in points.lines])
            directions = stack([line.direction for line in points.lines])
            rows = [self._points(starts, directions, points.line, points.alpha), points.target]
            ends = []
            if self.positions is not None:
                all_positions = np.ones(self.positions, np.float32)
                masks = points.masks or [all_positions] * len(points.lines)
                rows.append(np.stack(masks)[points.line])
            if interior:
                rows.append(points.line)
                ends = [stack([line.ends[side] for line in points.lines]) for side in (0, 1)]
            scores, summands, gradients, maps = self._differentiated(
                rows, ends, per_point=per_point, interior=interior
            )
            return PointGradients(
                keep(scores),
                keep(summands),
                keep(gradients) if per_point else None,
                keep(self._slopes(directions, summands, points.line)) if slopes else None,
                keep(maps) if interior else None,
            )

    def layer_gradients(
        self,
        inputs: Array,
        targets: npt.NDArray[np.int32],
        layer: str | None,
        *,
        masks: Array | None = None,
    ) -> list[LayerGradients]:
        """Return the values at a layer and the gradients there; traced once for every size.

        Raises:
            ModelError: There is no such layer, or no last feature map.
        """
        rows: list[Any] = [inputs, targets]
        if self.positions is not None:
            all_positions = np.ones((len(inputs), self.positions), np.float32)
            rows.append(all_positions if masks is None else masks)
        functions = self._layer_functions
        with self._computing():
            batches = [functions.gradients(layer, *batch) for batch in self._batches(rows)]
        return [answer for batch in batches for answer in batch][: len(inputs)]

    def check_layer(self, layer: str | None) -> None:
        """Refuse a layer whose gradients cannot be computed; None for the last feature map.

        Raises:
            ModelError: The message says why.
        """
        with self._computing():
            self._layer_functions.compiled(layer, self._fixed_batch or 1)

    def forget_layers(self) -> None:
        """Free the memory that only `layer_gradients` needs: the function and its variables."""
        self._layers = None
        self._frozen.drop_copies()

    @property
    def _layer_functions(self) -> LayerFunctions:
        if self._layers is None:
            raise RuntimeError("layer_gradients was called after forget_layers")
        return self._layers

    def gradient_of(self, total: Any) -> Array:
        """Return the gradient in pixel space of a sum of gradients after the stem."""
        if self._traced_stem is None:
            return self.fetch(total)
        with self._computing():
            return self.fetch(self._traced_stem.gradient(total))

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with translate_device_errors(self.device), reentrant(), tf.device(self.device):
            yield

    def _differentiated(self, rows: Sequence[Any], ends: Sequence[Any], **outputs: bool) -> Any:
        """Return scores, summands, gradients and interior maps of B points.

        Args:
            rows: Tensors (B, ...) with a row for each point.
            ends: Starts and directions of the lines, for interior gradients.
            outputs: Which of `per_point` and `interior` are requested.
        """
        count = len(rows[0])
        results = [self._computed(batch, ends, **outputs) for batch in self._batches(rows)]
        if len(results) == 1 and self._fixed_batch is None:
            return results[0]
        columns = zip(*results, strict=True)
        return [None if part[0] is None else tf.concat(part, 0)[:count] for part in columns]

    def _batches(self, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
        """Yield rows in batches of the only size that the network takes, or all at once."""
        if self._fixed_batch is None:
            yield rows
            return
        count = len(rows[0])
        for first in range(0, count, self._fixed_batch):
            # The last row is repeated to fill a batch.
            indices = np.minimum(np.arange(first, first + self._fixed_batch), count - 1)
            yield [tf.gather(row, indices) for row in rows]

    def _computed(self, rows: Sequence[Any], ends: Sequence[Any], **outputs: bool) -> Any:
        """Compute one batch, without XLA if it does not support the network."""
        try:
            return self._compiled(len(rows[0]), **outputs)(*rows, *ends)
        except XLA_ERRORS as error:
            if not self._is_fused:
                self._check_rows(rows[0])
                raise
            log.debug("not compiled by XLA: %s", error)
            self._is_fused = False
            self._functions.clear()
            return self._compiled(len(rows[0]), **outputs)(*rows, *ends)

    def _check_rows(self, points: Any) -> None:
        rows = len(self._scores_of_inner(len(points))(points))
        if rows != len(points):
            raise ModelError(WRONG_ROWS.format(rows=rows, inputs=len(points)))

    def _compiled(self, size: int, **outputs: bool) -> Function:
        """Return the function for batches of one size, traced at the first request."""
        key = size, self.precision, *outputs.values()
        with self._trace_lock:
            if key not in self._functions:
                inner = tf.TensorSpec((size, *self._inner_shape))
                specs = [inner, tf.TensorSpec((size,), tf.int32)]
                if self.positions is not None:
                    specs.append(tf.TensorSpec((size, self.positions)))
                if outputs["interior"]:
                    specs.append(tf.TensorSpec((size,), tf.int32))
                    specs += [tf.TensorSpec((None, *self.input_shape))] * 2
                function = partial(self._score_gradients, self._scores_of_inner(size), **outputs)
                # Under the lock: two threads cannot differentiate a frozen graph at a time.
                trace = compiled_by_xla if self._is_fused else traced
                self._functions[key] = trace(function, *specs)
            return self._functions[key]

    def _scores_of_inner(self, size: int) -> Function:
        """Return the function from points after the stem to scores, for batches of one size."""
        key = self.precision, bool(self.small_batches) and not is_full(size)
        if key not in self._scores_after_stem:
            precision, is_padded = key
            rest = in_bfloat16(self._rest) if precision == "bfloat16" else self._rest
            if self._frozen.source is None and not self._is_fused:
                rest = with_compact_gradients(rest)
            rest = in_full_rows(rest) if is_padded else rest
            self._scores_after_stem[key] = self._with_scores(rest)
        return self._scores_after_stem[key]

    def _score_gradients(
        self, function: Function, points: Any, target: Any, *others: Any, **outputs: bool
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
        size = points.shape[0]
        gradients = self._through_stem(summands, size) if outputs["per_point"] else None
        maps = self._maps(summands, *others[-3:]) if outputs["interior"] else None
        return scores, summands, gradients, maps

    def _maps(self, summands: Any, line: Any, starts: Any, directions: Any) -> Any:
        """Return the interior maps (B, H, W) of gradients after the stem."""
        ends, size = starts + directions, line.shape[0]
        if self._stem is None:
            return channel_means(tf.gather(ends, line) * summands)[..., 0]
        if self.small_batches and not is_full(size):
            summands, line = padded_rows(summands), padded_rows(line)
        return self._stem.maps(summands, ends, line)[:size]

    def _through_stem(self, summands: Any, size: int) -> Any:
        """Bring each gradient of a batch back through the stem."""
        if self._stem is None:
            return summands
        is_padded = self.small_batches and not is_full(size)
        return self._stem.gradients(padded_rows(summands) if is_padded else summands)[:size]
