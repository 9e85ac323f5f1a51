"""Values of a network's feature maps, and the gradients of its scores with respect to them.

The graph is not that of the other gradients, in which batch normalization is folded into
convolutions: it keeps the values that the layers have. Everything is float32.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from igcli.errors import ModelError
from igcli.integration.requests import LayerGradients
from igcli.models.graph.freeze import FrozenGraph
from igcli.models.graph.layer_marks import marked_layers
from igcli.models.network.device_arrays import XLA_ERRORS
from igcli.models.network.feature_maps import find_feature_map
from igcli.models.network.head import (
    Head,
    HeadOptions,
    explained_tensor,
    freeze_with_head,
    scores_function,
)
from igcli.models.runtime import tensorflow

tf = tensorflow()

SCORES_PIXELS = (
    "the network scores every pixel, so the last feature map may be the scores themselves: name a "
    "layer before them"
)
NO_EFFECT = "the scores do not depend on its values"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Compiled:
    """The function for one layer and one batch size.

    Attributes:
        function: From inputs (B, ...), targets (B,) and, for networks that score every pixel, masks
            (B, P) to scores (B,), and values and gradients at the layer, (B, ...) each.
        channels_first: Whether channels precede height and width at the layer.
        input_channels_first: Whether they do in the input.
    """

    function: Callable[..., Any]
    channels_first: bool
    input_channels_first: bool


@dataclass(slots=True, eq=False)
class LayerFunctions:
    """The functions of a network that lead to its feature maps, compiled at the first request.

    Attributes:
        function: Scores (N, K) of inputs (N, ...), with variables; None once it is frozen.
        input_shape: Shape of one input.
        options: How the function's output becomes scores.
        device: TensorFlow's name of the device.
        is_fused: Whether XLA compiles.
        origin: The same functions on the device where the network is frozen; None if that is here.
    """

    function: Callable[..., Any] | None
    input_shape: tuple[int, ...]
    options: HeadOptions
    device: str
    is_fused: bool
    origin: "LayerFunctions | None" = None
    _frozen: tuple[FrozenGraph, Head] | None = None
    _compiled: dict[tuple[str | None, int], _Compiled] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, device: str) -> "LayerFunctions":
        """Return the same functions on another device of the kind."""
        # They share the lock: Keras marks layers for one trace at a time.
        return replace(self, function=None, device=device, origin=self, _frozen=None, _compiled={})

    def gradients(self, layer: str | None, *rows: Any) -> list[LayerGradients]:
        """Return the values at a layer and the gradients there for each of B inputs.

        Args:
            layer: As for `Network.layer_gradients`.
            rows: What `_Compiled.function` takes.

        Raises:
            ModelError: There is no such layer.
        """
        try:
            compiled = self.compiled(layer, len(rows[0]))
            results = compiled.function(*rows)
        except XLA_ERRORS as error:
            if not self.is_fused:
                raise
            log.debug("not compiled by XLA: %s", error)
            self.is_fused = False
            self._compiled.clear()
            return self.gradients(layer, *rows)
        scores, *maps = (result.numpy() for result in results)
        if compiled.channels_first:
            maps = [values.transpose(0, 2, 3, 1) for values in maps]
        return [
            LayerGradients(values, gradients, float(score), compiled.input_channels_first)
            for score, values, gradients in zip(scores, *maps, strict=True)
        ]

    def compiled(self, layer: str | None, size: int) -> _Compiled:
        """Return the function for a layer and batches of one size, traced at the first request.

        Raises:
            ModelError: There is no such layer, or no gradient leads to it.
        """
        with self._lock:
            key = layer, size
            if key not in self._compiled:
                with marked_layers():
                    self._compiled[key] = self._compile(layer, size)
            return self._compiled[key]

    def _compile(self, layer: str | None, size: int) -> _Compiled:
        frozen, head = self._freeze()
        if layer is None and head.positions is not None:
            raise ModelError(SCORES_PIXELS)
        layouts: list[bool] = []

        def values_and_gradients(inputs: Any, targets: Any, *masks: Any) -> Any:
            tensor = explained_tensor(frozen.inlined(inputs), self.options.explain)
            scores = scores_function(lambda: [tensor], head, self.options.explain)()
            scores = tf.gather(scores, targets, batch_dims=1, axis=-1)
            if masks:
                scores = tf.reduce_sum(masks[0] * scores, -1)
            feature_map = find_feature_map(inputs, tensor, layer)
            layouts[:] = [feature_map.channels_first, feature_map.input_channels_first]
            values = feature_map.tensor
            try:
                [gradients] = tf.gradients(scores, values)
            except LookupError as error:
                raise ModelError(f"an operation after it has no gradient: {error}") from None
            if gradients is None:
                raise ModelError(NO_EFFECT)
            return scores, tf.cast(values, tf.float32), tf.cast(gradients, tf.float32)

        signature = [tf.TensorSpec((size, *self.input_shape)), tf.TensorSpec((size,), tf.int32)]
        if head.positions is not None:
            signature.append(tf.TensorSpec((size, head.positions)))
        function = tf.function(
            values_and_gradients, autograph=False, jit_compile=True if self.is_fused else None
        )
        return _Compiled(function.get_concrete_function(*signature), *layouts)

    def _freeze(self) -> tuple[FrozenGraph, Head]:
        if self._frozen is not None:
            return self._frozen
        with tf.device(self.device):
            if self.origin is None:
                function: Any = self.function
                frozen = freeze_with_head(function, self.input_shape, self.options, fold=False)
            else:
                graph, head = self.origin._freeze()
                frozen = graph.moved(), head
        self._frozen, self.function = frozen, None
        return frozen
