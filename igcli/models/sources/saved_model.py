"""Networks in SavedModel folders."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from igcli.errors import ModelError
from igcli.models import hashing
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import check_dtype
from igcli.models.sources.keras_file import first_line

tf = tensorflow()

_DEFAULT = "serving_default"
_UNREADABLE = (OSError, ValueError, LookupError, RuntimeError)
"""What TensorFlow raises on damaged folders."""


_IMAGE_RANKS = (None, 2, 3, 4)
_METHODS = ("__call__", "call", "predict")
"""Functions of a SavedModel without signatures that may be its network, the likeliest first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """One way from an input to an output of a SavedModel.

    Attributes:
        signature: Name of the signature, or of the function.
        input: Name of its only input.
        output: Key of one of its outputs; empty where there is one without a name.
        spec: Shape and type of the input.
        call: The function of a batch, to all outputs by key.
    """

    signature: str
    input: str
    output: str
    spec: Any
    call: Callable[[Any], Mapping[str, Any]]

    def __str__(self) -> str:
        return f"{self.signature}: {self.input} -> {self.output or 'output'}"


def load(options: ModelOptions) -> OpenedModel:
    """Load a SavedModel and choose one of its signatures, or functions where it has none.

    Raises:
        ModelError: It cannot be read, is no image classifier, or the choice is not unique.
    """
    path = options.source
    sha256 = hashing.of_folder(path)
    try:
        # The object has to outlive the loading: it owns the variables.
        saved = _loaded(path)
    except (tf.errors.OpError, DecodeError, *_UNREADABLE) as error:
        reason = getattr(error, "message", None) or first_line(error)
        raise ModelError(
            f"model: {path} is not a SavedModel that can be read: {reason.splitlines()[0]}"
        ) from None
    ways = list(_of_signatures(saved.signatures)) or list(_of_methods(saved))
    way = _chosen(ways, options)
    check_dtype(way.spec.dtype, path)
    if way.spec.shape.rank is None:
        raise ModelError(f"model: {path} does not say the shape of its input {way.input}")

    def function(inputs: Any, _keep: Any = saved) -> Any:
        return way.call(inputs)[way.output]

    return OpenedModel(
        function=function,
        input_shape=tuple(way.spec.shape[1:]),
        dtype=way.spec.dtype.name,
        preprocess="none",
        labels=None,
        sha256=sha256,
        input=f"{way.signature}: {way.input}",
        output=way.output or "output",
        parameters=_parameters(saved),
    )


def _loaded(path: str) -> Any:
    try:
        return tf.saved_model.load(path)
    except ValueError as error:
        if "tags=" not in str(error):
            raise
    # Older versions kept a graph for training beside it.
    return tf.saved_model.load(path, tags=["serve"])


def _of_signatures(signatures: Any) -> Iterator[_Way]:
    for name, function in sorted(signatures.items()):
        inputs = function.structured_input_signature[1]
        if len(inputs) == 1:
            [(key, spec)] = inputs.items()
            for output in sorted(function.structured_outputs):
                yield _Way(name, key, output, spec, _called(function, key))


def _called(function: Any, key: str) -> Callable[[Any], Any]:
    return lambda images: function(**{key: images})


def _of_methods(saved: Any) -> Iterator[_Way]:
    """Yield the ways through the first function that takes images, as at inference.

    TensorFlow Hub's modules are called, with `training` and other flags beside the images.
    """
    for name in _METHODS:
        method = getattr(saved, name, None)
        for concrete in getattr(method, "concrete_functions", ()):
            way = _inference(name, method, concrete)
            if way is not None:
                yield from way
                return


def _inference(name: str, method: Any, concrete: Any) -> list[_Way] | None:
    """Return the ways through one trace of a function; None where it is none of an image."""
    positional, named = concrete.structured_input_signature
    leaves = [*positional, *named.values()]
    specs = [each for each in leaves if isinstance(each, tf.TensorSpec)]
    flags = {**dict(enumerate(positional)), **named}
    is_training = any(value is True for value in flags.values())
    if len(specs) != 1 or specs[0].shape.rank not in _IMAGE_RANKS or is_training:
        return None
    [spec] = specs

    def call(images: Any) -> dict[str, Any]:
        place = [images if each is spec else each for each in positional]
        keys = {key: images if each is spec else each for key, each in named.items()}
        return _by_key(method(*place, **keys))

    outputs = _by_key(concrete.structured_outputs)
    return [_Way(name, str(spec.name or "images"), key, spec, call) for key in sorted(outputs)]


def _by_key(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return {str(key): value for key, value in outputs.items()}
    if isinstance(outputs, list | tuple):
        return {str(place): value for place, value in enumerate(outputs)}
    return {"": outputs}


def _chosen(ways: Sequence[_Way], options: ModelOptions) -> _Way:
    """Choose by keys, which a signature's name and a colon may precede."""
    what, wanted = f"model: {options.source}", (options.input, _text(options.output))
    if not ways:
        raise ModelError(
            f"{what} is no image classifier: it has no signature, and no function, of one image: "
            "save it with tf.saved_model.save(..., signatures=...) or model.export(...)"
        )
    found = [way for way in ways if _fits(way, *wanted)]
    if len({way.signature for way in found}) > 1:
        found = [way for way in found if way.signature == _DEFAULT] or found
    if len(found) == 1:
        return found[0]
    listed = "; ".join(str(way) for way in found or ways)
    why = "leaves the choice open" if found else "has no such input and output"
    raise ModelError(f"{what} {why}: set model.input and model.output by one of: {listed}")


def _text(output: str | int | None) -> str | None:
    return None if output is None else str(output)


def _fits(way: _Way, input: str | None, output: str | None) -> bool:  # noqa: A002
    return input in (None, way.input, f"{way.signature}:{way.input}") and output in (
        None,
        way.output,
        f"{way.signature}:{way.output}",
    )


def _parameters(saved: Any) -> int:
    """Count the numbers in variables, which SavedModels keep in different places."""
    variables = {id(each): each for each in _variables(saved)}
    return sum(int(each.shape.num_elements() or 0) for each in variables.values())


def _variables(saved: Any) -> Iterator[Any]:
    yield from getattr(saved, "variables", ())
    methods = (getattr(saved, name, None) for name in _METHODS)
    concrete = (each for method in methods for each in getattr(method, "concrete_functions", ()))
    for function in (*saved.signatures.values(), *concrete):
        yield from function.variables
