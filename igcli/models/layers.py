"""Looking into a Keras network: what comes out of a layer, and putting something else there."""

import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from igcli.errors import ModelError
from igcli.models.runtime import tensorflow

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

Side = Literal["output", "input"]


class Tap:
    """One side of a layer, where values are read or replaced.

    Attributes:
        layer: A Keras layer.
        side: Its output, or its (first) input.
    """

    def __init__(self, layer: Any, side: Side) -> None:
        self.layer = layer
        self.side = side

    def read(self, run: Callable[[], Any]) -> Any:
        """Return the tensors, in their structure, that pass here while `run` runs.

        Raises:
            ModelError: The layer is not called, or more than once.
        """
        passed: list[Any] = []

        def call(original: Any, *arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            passed.append(result if self.side == "output" else arguments[0])
            return result

        with self._calling(call):
            run()
        return self._once(passed)

    def replace(self, values: Any, run: Callable[[], Any]) -> Any:
        """Return what `run` returns with `values` in the place of what passes here.

        Raises:
            ModelError: The layer is not called, or more than once.
        """
        passed: list[Any] = []

        def call(original: Any, *arguments: Any, **options: Any) -> Any:
            passed.append(values)
            if self.side == "output":
                return values
            return original(values, *arguments[1:], **options)

        with self._calling(call):
            result = run()
        self._once(passed)
        return result

    def _once(self, passed: list[Any]) -> Any:
        if len(passed) != 1:
            raise ModelError(
                f"layer: {self.layer.name} is called {len(passed)} times in one pass, expected once"
            )
        return passed[0]

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


def find(model: Any, layer: Any) -> Any:
    """Return a layer of a Keras model, given itself or its name.

    Raises:
        ValueError: There is no such layer; the message has the nearest names.
    """
    if isinstance(layer, keras.Layer):
        return layer
    if not isinstance(model, keras.Layer):
        raise ValueError("layer: only Keras models know layers by name: pass the layer itself")
    known = {each.name: each for each in model._flatten_layers(include_self=False)}
    if layer not in known:
        near = difflib.get_close_matches(str(layer), known, 3, 0.4) or list(known)
        raise ValueError(f"layer: there is none called {layer!r}; some are {', '.join(near[:8])}")
    return known[layer]
