"""Looking into a Keras network: what comes out of a layer, and putting something else there."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

Side = Literal["output", "input"]


@dataclass(frozen=True, slots=True, eq=False)
class LayerHook:
    """One side of a layer, where values are read or replaced.

    Attributes:
        layer: A Keras layer.
        side: Its output, or its (first) input.
    """

    layer: Any
    side: Side

    def once(self, passed: list[Any]) -> Any:
        """Return what passed here, in the one call that there has to be.

        Raises:
            ModelError: The layer was not called, or more than once.
        """
        if len(passed) != 1:
            raise ModelError(
                f"layer: {self.layer.name} is called {len(passed)} times in one pass, expected once"
            )
        return passed[0]

    @contextmanager
    def reading(self) -> Iterator[list[Any]]:
        """Gather what passes here."""
        passed: list[Any] = []

        def call(original: Any, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            passed.append(result if self.side == "output" else arguments[0])
            return result

        with self._calling(call):
            yield passed

    @contextmanager
    def replacing(self, values: Any) -> Iterator[list[Any]]:
        """Put values in the place of what passes here, and gather them once for every call."""
        passed: list[Any] = []

        def call(original: Any, *arguments: Any, **options: Any) -> Any:
            passed.append(values)
            if self.side == "output":
                return values
            return original(values, *arguments[1:], **options)

        with self._calling(call):
            yield passed

    @contextmanager
    def _calling(self, call: Callable[..., Any]) -> Iterator[None]:
        original = self.layer.call
        # Past Keras, which would take the function for a part of the layer.
        object.__setattr__(
            self.layer, "call", lambda *args, **options: call(original, *args, **options)
        )
        try:
            yield
        finally:
            object.__delattr__(self.layer, "call")


def read(taps: Sequence[LayerHook], run: Callable[[], Any]) -> list[Any]:
    """Return the tensors, in their structure, that pass each tap while `run` runs.

    Raises:
        ModelError: A layer is not called, or more than once.
    """
    with ExitStack() as stack:
        passed = [stack.enter_context(tap.reading()) for tap in taps]
        run()
    return [tap.once(each) for tap, each in zip(taps, passed, strict=True)]


def replace(taps: Sequence[LayerHook], values: Sequence[Any], run: Callable[[], Any]) -> Any:
    """Return what `run` returns with values in the place of what passes each tap.

    Raises:
        ModelError: A layer is not called, or more than once.
    """
    with ExitStack() as stack:
        pairs = list(zip(taps, values, strict=True))
        passed = [stack.enter_context(tap.replacing(value)) for tap, value in pairs]
        result = run()
    for tap, each in zip(taps, passed, strict=True):
        tap.once(each)
    return result


def find_all(model: Any, layers: Any, side: Side) -> tuple[LayerHook, ...]:
    """Return a tap for each of one or several layers, given themselves or by name.

    Raises:
        ValueError: There is no such layer or side, or one is named twice.
    """
    if side not in get_args(Side):
        raise ValueError(f"layer_side: expected {' or '.join(get_args(Side))}, not {side!r}")
    listed = layers if isinstance(layers, list | tuple) else [layers]
    found = [find(model, each) for each in listed]
    if len({id(each) for each in found}) != len(found) or not found:
        raise ValueError("layer: expected a layer, or several different ones")
    return tuple(LayerHook(each, side) for each in found)


def find(model: Any, layer: Any) -> Any:
    """Return a layer of a Keras model, given itself or its name.

    Raises:
        ValueError: There is no such layer; the message has the nearest names.
    """
    if isinstance(layer, keras.Layer):
        return layer
    if not isinstance(layer, str):
        raise ValueError(f"layer: expected a Keras layer or its name, not {type(layer).__name__}")
    if not isinstance(model, keras.Layer):
        raise ValueError("layer: only Keras models know layers by name: pass the layer itself")
    known = {each.name: each for each in model._flatten_layers(include_self=False)}
    if layer not in known:
        near = difflib.get_close_matches(str(layer), known, 3, 0.4) or list(known)
        raise ValueError(f"layer: there is none called {layer!r}; some are {', '.join(near[:8])}")
    return known[layer]
