"""Hooks on Keras layers: reads the values at a layer, or replaces them."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

tensorflow()

import keras  # noqa: E402  After `tensorflow()`, which silences it.

LayerSide = Literal["output", "input"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerHook:
    """One side of a layer, where values are read or replaced.

    Attributes:
        layer: A Keras layer.
        side: Its output, or its (first) input.
    """

    layer: Any
    side: LayerSide

    def value_of_only_call(self, values: list[Any]) -> Any:
        """Return the value of the one call that one pass of the model must make.

        Args:
            values: One for each call of the layer.

        Raises:
            ModelError: The layer was not called, or was called more than once.
        """
        if len(values) != 1:
            raise ModelError(
                f"layer: {self.layer.name} is called {len(values)} times in one pass of the model, "
                "expected once"
            )
        return values[0]

    @contextmanager
    def reading(self) -> Iterator[list[Any]]:
        """Collect the values at the layer, one for each call."""
        values: list[Any] = []

        def call(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            values.append(result if self.side == "output" else arguments[0])
            return result

        with self._patched(call):
            yield values

    @contextmanager
    def replacing(self, replacement: Any) -> Iterator[list[Any]]:
        """Replace the values at the layer, and collect the replacement once for each call."""
        values: list[Any] = []

        def call(original: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            values.append(replacement)
            if self.side == "output":
                return replacement
            return original(replacement, *arguments[1:], **options)

        with self._patched(call):
            yield values

    @contextmanager
    def _patched(self, call: Callable[..., Any]) -> Iterator[None]:
        original = self.layer.call
        # Bypasses Keras, which would track the function as a part of the layer.
        object.__setattr__(
            self.layer, "call", lambda *args, **options: call(original, *args, **options)
        )
        try:
            yield
        finally:
            object.__delattr__(self.layer, "call")


def read(hooks: Sequence[LayerHook], run: Callable[[], Any]) -> list[Any]:
    """Return the value at each hook, a tensor or a structure of them, while `run` runs.

    Raises:
        ModelError: A layer is not called, or more than once.
    """
    with ExitStack() as stack:
        values = [stack.enter_context(hook.reading()) for hook in hooks]
        run()
    return [hook.value_of_only_call(calls) for hook, calls in zip(hooks, values, strict=True)]


def replace(hooks: Sequence[LayerHook], replacements: Sequence[Any], run: Callable[[], Any]) -> Any:
    """Return what `run` returns when the value at each hook is replaced.

    Raises:
        ModelError: A layer is not called, or more than once.
    """
    with ExitStack() as stack:
        pairs = list(zip(hooks, replacements, strict=True))
        values = [stack.enter_context(hook.replacing(replacement)) for hook, replacement in pairs]
        result = run()
    for hook, calls in zip(hooks, values, strict=True):
        hook.value_of_only_call(calls)
    return result


def find_hooks(model: Any, layers: Any, side: LayerSide) -> tuple[LayerHook, ...]:
    """Return a hook on each of one or several layers, given as layers or by name.

    Raises:
        ValueError: There is no such layer or side, or a layer is named twice.
    """
    if side not in get_args(LayerSide):
        raise ValueError(f"layer_side: expected {' or '.join(get_args(LayerSide))}, got {side!r}")
    listed = layers if isinstance(layers, list | tuple) else [layers]
    resolved = [_find_layer(model, layer) for layer in listed]
    if len({id(layer) for layer in resolved}) != len(resolved) or not resolved:
        raise ValueError("layer: expected a layer, or several different ones")
    return tuple(LayerHook(layer, side) for layer in resolved)


def _find_layer(model: Any, layer: Any) -> Any:
    if isinstance(layer, keras.Layer):
        return layer
    if not isinstance(layer, str):
        raise ValueError(f"layer: expected a Keras layer or its name, got {type(layer).__name__}")
    if not isinstance(model, keras.Layer):
        raise ValueError("layer: only layers of Keras models have names: pass the layer itself")
    layers = {inner.name: inner for inner in model._flatten_layers(include_self=False)}
    if layer not in layers:
        suggestions = difflib.get_close_matches(str(layer), layers, 3, 0.4) or list(layers)
        raise ValueError(
            f"layer: the model has no layer {layer!r}; some of its layers are "
            f"{', '.join(suggestions[:8])}"
        )
    return layers[layer]
