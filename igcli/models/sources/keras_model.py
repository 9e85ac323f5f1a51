"""Networks that are Keras objects, wherever they came from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from igcli.errors import ModelError
from igcli.models.options import Preprocess
from igcli.models.runtime import tensorflow
from igcli.models.sources import Loaded
from igcli.models.sources.input_shape import check_dtype

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.


@dataclass(frozen=True, slots=True)
class Known:
    """What a source knows of its network.

    Attributes:
        what: Its name in messages.
        sha256: Of its weights, hexadecimal.
        preprocess: What it expects of pixels.
        labels: Class names.
    """

    what: str
    sha256: str
    preprocess: Preprocess = "none"
    labels: tuple[str, ...] | None = None


def loaded(model: Any, known: Known, *, output: str | int | None) -> Loaded:
    """Return a Keras network as what it gives one input and one output.

    Args:
        model: A `keras.Model` that knows its inputs.
        known: What its source knows of it.
        output: Name or index of an output, needed where there are several.

    Raises:
        ModelError: It has several inputs, or no such output.
    """
    inputs = keras.tree.flatten(getattr(model, "inputs", None) or [])
    if len(inputs) != 1:
        raise ModelError(
            f"model: {known.what} has {len(inputs) or 'no declared'} inputs, expected one image "
            "(the Python interface takes several: igcli.load_model)"
        )
    check_dtype(inputs[0].dtype, known.what)
    names = _names(model)
    place = _place(names, output, known.what)
    structure = getattr(model, "_inputs_struct", None)

    def function(pixels: Any) -> Any:
        given = (
            keras.tree.pack_sequence_as(structure, [pixels]) if structure is not None else pixels
        )
        return keras.tree.flatten(model(given, training=False))[place]

    return Loaded(
        function=function,
        input_shape=_shape(inputs[0].shape),
        preprocess=known.preprocess,
        labels=known.labels,
        sha256=known.sha256,
        input=str(inputs[0].name),
        output=names[place],
        parameters=int(model.count_params()),
    )


def _shape(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    return tuple(shape[1:])


def _names(model: Any) -> list[str]:
    """Return the names of the outputs, in the order in which they are flattened."""
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, dict):
        return [str(name) for name in sorted(structure)]
    return [str(name) for name in model.output_names]


def _place(names: Sequence[str], output: str | int | None, what: str) -> int:
    choice = f"set model.output to one of {', '.join(names)}, or to its index from 0"
    if output is None and len(names) == 1:
        return 0
    if output is None:
        raise ModelError(f"model: {what} has {len(names)} outputs: {choice}")
    if isinstance(output, int) and output < len(names):
        return output
    if isinstance(output, str) and names.count(output) == 1:
        return names.index(output)
    raise ModelError(f"model.output: {what} has no output {output!r}: {choice}")
