"""Networks that are Keras objects, of Keras 3 or 2, wherever they came from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from igcli.errors import ModelError
from igcli.models.options import ModelOptions, Preprocess
from igcli.models.runtime import tensorflow
from igcli.models.sources import OpenedModel

tf = tensorflow()


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


@dataclass(frozen=True, slots=True, eq=False)
class _Input:
    """The input of a network.

    Attributes:
        name: Its name.
        shape: Of a batch, None for each side that is open.
        dtype: Of its values.
        pack: Puts a batch into the structure that the network takes.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    pack: Callable[[Any], Any]


def loaded(model: Any, known: Known, options: ModelOptions) -> OpenedModel:
    """Return a Keras network as what it gives one input and one output.

    Args:
        model: A model of `keras` or `tf_keras`.
        known: What its source knows of it.
        options: The output, where there are several; the size, where it does not know its input.

    Raises:
        ModelError: It has several inputs, or no such output.
    """
    taken = _input(model, known.what, options)

    def call(images: Any) -> Any:
        return model(taken.pack(images), training=False)

    names = _names(model, call, taken)
    place = _place(names, options.output, known.what)

    def function(images: Any) -> Any:
        return tf.nest.flatten(call(images))[place]

    return OpenedModel(
        function=function,
        input_shape=taken.shape[1:],
        preprocess=known.preprocess,
        labels=known.labels,
        sha256=known.sha256,
        input=taken.name,
        output=names[place],
        parameters=int(model.count_params()),
        dtype=taken.dtype,
    )


def _input(model: Any, what: str, options: ModelOptions) -> _Input:
    """Return the only input, as declared, or as the network was built with."""
    declared = list(getattr(model, "inputs", None) or ())
    if len(declared) > 1:
        raise ModelError(
            f"model: {what} has {len(declared)} inputs, expected one image (in Python, "
            "igcli.attribute takes models of several inputs)"
        )
    if declared:
        [tensor] = declared
        # A `Sequential` of Keras 3 has inputs and no `input`.
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
            f"model: {what} does not say what it takes: set model.size, as in [224, 224], if it "
            "takes RGB images, or call it once before it is saved"
        )
    return _Input("input", shape, "float32", lambda images: images)


def _built_shape(model: Any) -> tuple[int | None, ...] | None:
    """Return the shape of a batch that a subclassed model was built with, if it tells."""
    built: dict[str, Any] = getattr(model, "get_build_config", dict)() or {}
    shapes = [shape for shape in built.values() if isinstance(shape, list | tuple)]
    if len(shapes) != 1 or not all(side is None or isinstance(side, int) for side in shapes[0]):
        return None
    return (None, *shapes[0][1:])


def _names(model: Any, call: Callable[[Any], Any], taken: _Input) -> list[str]:
    """Return the names of the outputs, in the order in which they are flattened."""
    if not getattr(model, "inputs", None):
        spec = tf.TensorSpec(taken.shape, taken.dtype)
        outputs = tf.function(call).get_concrete_function(spec).structured_outputs
        return [_joined(path) for path, _ in _flat(outputs)]
    outputs = getattr(model, "output", None)
    if isinstance(outputs, dict):
        return sorted(map(str, outputs))
    names = getattr(model, "output_names", None) or [model.name]
    return [str(name) for name in names]


def _flat(structure: Any, path: tuple[object, ...] = ()) -> list[tuple[tuple[object, ...], Any]]:
    """Return the leaves of nested outputs with where they stand, as `tf.nest.flatten` orders."""
    if isinstance(structure, dict):
        inner = [(key, structure[key]) for key in sorted(structure)]
    elif isinstance(structure, list | tuple):
        inner = list(enumerate(structure))
    else:
        return [(path, structure)]
    return [leaf for key, part in inner for leaf in _flat(part, (*path, key))]


def _joined(path: tuple[object, ...]) -> str:
    return ".".join(map(str, path)) or "output"


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
