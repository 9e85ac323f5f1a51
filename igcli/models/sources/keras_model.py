"""Networks that are Keras objects, of Keras 3 or Keras 2, whichever source they come from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from igcli.errors import ModelError
from igcli.models.options import ModelOptions, Preprocess
from igcli.models.runtime import tensorflow
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import SET_SIZE
from igcli.options import setting

tf = tensorflow()


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a source knows about its network.

    Attributes:
        name: Its name in messages.
        sha256: SHA-256 of its weights, hexadecimal.
        preprocess: What it expects of pixels.
        labels: Class names.
    """

    name: str
    sha256: str
    preprocess: Preprocess = "none"
    labels: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Input:
    """The input of a network.

    Attributes:
        name: Its name.
        shape: Shape of a batch; None for each open side.
        dtype: Type of its values.
        pack: Puts a batch into the structure that the network takes.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    pack: Callable[[Any], Any]


def from_keras(model: Any, facts: ModelFacts, options: ModelOptions) -> OpenedModel:
    """Return a Keras network as a function of one input and one output.

    Args:
        model: A model of `keras` or `tf_keras`.
        facts: What its source knows about it.
        options: Selects the output if there are several; gives the size if the network does not
            declare its input.

    Raises:
        ModelError: It has several inputs, or no such output.
    """
    declared = _input(model, facts.name, options)

    def call(images: Any) -> Any:
        return model(declared.pack(images), training=False)

    names = _output_names(model, call, declared)
    index = _output_index(names, options.output, facts.name)

    def function(images: Any) -> Any:
        return tf.nest.flatten(call(images))[index]

    return OpenedModel(
        function=function,
        input_shape=declared.shape[1:],
        preprocess=facts.preprocess,
        labels=facts.labels,
        sha256=facts.sha256,
        input=declared.name,
        output=names[index],
        parameters=int(model.count_params()),
        dtype=declared.dtype,
    )


def _input(model: Any, name: str, options: ModelOptions) -> _Input:
    """Return the only input, as declared or as the network was built."""
    declared = list(getattr(model, "inputs", None) or ())
    if len(declared) > 1:
        raise ModelError(
            f"model: {name} has {len(declared)} inputs, expected one image (in Python, "
            "igcli.attribute takes models of several inputs)"
        )
    if declared:
        [tensor] = declared
        # A `Sequential` of Keras 3 has `inputs` but no `input`.
        structure = getattr(model, "input", tensor)

        def pack(images: Any) -> Any:
            return tf.nest.map_structure(lambda _: images, structure)

        dtype = getattr(tensor.dtype, "name", tensor.dtype)
        return _Input(str(tensor.name), tuple(tensor.shape), str(dtype), pack)
    shape = _built_shape(model)
    if shape is None and options.size is not None:
        shape = (None, *options.size, 3)
    if shape is None:
        raise ModelError(
            f"model: {name} does not declare its input: if it takes RGB images, {SET_SIZE}, "
            "or call it once before saving it"
        )
    return _Input("input", shape, "float32", lambda images: images)


def _built_shape(model: Any) -> tuple[int | None, ...] | None:
    """Return the batch shape that a subclassed model was built with, or None if unknown."""
    build_config: dict[str, Any] = getattr(model, "get_build_config", dict)() or {}
    shapes = [shape for shape in build_config.values() if isinstance(shape, list | tuple)]
    if len(shapes) != 1 or not all(side is None or isinstance(side, int) for side in shapes[0]):
        return None
    return (None, *shapes[0][1:])


def _output_names(model: Any, call: Callable[[Any], Any], declared: _Input) -> list[str]:
    """Return the names of the outputs in the order of `tf.nest.flatten`."""
    if not getattr(model, "inputs", None):
        spec = tf.TensorSpec(declared.shape, declared.dtype)
        outputs = tf.function(call).get_concrete_function(spec).structured_outputs
        return [".".join(map(str, path)) or "output" for path in _leaf_paths(outputs)]
    outputs = getattr(model, "output", None)
    if isinstance(outputs, dict):
        return sorted(map(str, outputs))
    names = getattr(model, "output_names", None) or [model.name]
    return [str(name) for name in names]


def _leaf_paths(structure: Any, path: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    """Return the keys that lead to each leaf of nested outputs, in the order of `tf.nest`."""
    if isinstance(structure, dict):
        items = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, list | tuple):
        items = list(enumerate(structure))
    else:
        return [path]
    return [leaf for key, inner in items for leaf in _leaf_paths(inner, (*path, key))]


def _output_index(names: Sequence[str], output: str | int | None, name: str) -> int:
    choice = f"set {setting('model.output')} to one of {', '.join(names)}, or to its index from 0"
    if output is None and len(names) == 1:
        return 0
    if output is None:
        raise ModelError(f"model: {name} has {len(names)} outputs: {choice}")
    if isinstance(output, int) and output < len(names):
        return output
    if isinstance(output, str) and names.count(output) == 1:
        return names.index(output)
    raise ModelError(f"model.output: {name} has no output {output!r}: {choice}")
