"""Networks in SavedModel folders."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from igcli.errors import ModelError
from igcli.models import hashing
from igcli.models.options import ModelOptions
from igcli.models.runtime import first_line, tensorflow
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import check_dtype
from igcli.options import setting

tf = tensorflow()

_DEFAULT = "serving_default"
_UNREADABLE = (OSError, ValueError, LookupError, RuntimeError)
"""What TensorFlow raises on damaged folders."""

_IMAGE_RANKS = (None, 2, 3, 4)
_METHODS = ("__call__", "call", "predict")
"""Functions of a SavedModel without signatures that may be its network, the likeliest first."""


@dataclass(frozen=True, slots=True, eq=False)
class _Endpoint:
    """One input and one output of a function of a SavedModel.

    Attributes:
        signature: Name of the signature, or of the function.
        input: Name of its only input.
        output: Key of one of its outputs; empty if the only output has no name.
        spec: Shape and type of the input.
        call: The function, from a batch to all outputs by key.
    """

    signature: str
    input: str
    output: str
    spec: Any
    call: Callable[[Any], Mapping[str, Any]]

    def __str__(self) -> str:
        return f"{self.signature}: {self.input} -> {self.output or 'output'}"


def load(options: ModelOptions) -> OpenedModel:
    """Load a SavedModel and choose one of its signatures, or a function if it has none.

    Raises:
        ModelError: It cannot be read, is not an image classifier, or the choice is ambiguous.
    """
    path = options.source
    sha256 = hashing.of_folder(path)
    try:
        # This object owns the variables, so it must outlive the loading.
        saved = _load(path)
    except (tf.errors.OpError, DecodeError, *_UNREADABLE) as error:
        reason = getattr(error, "message", None) or first_line(error)
        raise ModelError(
            f"model: {path} is not a readable SavedModel: {reason.splitlines()[0]}"
        ) from None
    endpoints = list(_of_signatures(saved.signatures)) or list(_of_methods(saved))
    endpoint = _choose(endpoints, options)
    check_dtype(endpoint.spec.dtype, path)
    if endpoint.spec.shape.rank is None:
        raise ModelError(f"model: {path} does not declare the shape of its input {endpoint.input}")

    def function(inputs: Any, _keep: Any = saved) -> Any:
        return endpoint.call(inputs)[endpoint.output]

    return OpenedModel(
        function=function,
        input_shape=tuple(endpoint.spec.shape[1:]),
        dtype=endpoint.spec.dtype.name,
        preprocess="none",
        labels=None,
        sha256=sha256,
        input=f"{endpoint.signature}: {endpoint.input}",
        output=endpoint.output or "output",
        parameters=_count_parameters(saved),
    )


def _load(path: str) -> Any:
    try:
        return tf.saved_model.load(path)
    except ValueError as error:
        if "tags=" not in str(error):
            raise
    # Older versions also saved a graph for training.
    return tf.saved_model.load(path, tags=["serve"])


def _of_signatures(signatures: Any) -> Iterator[_Endpoint]:
    for name, function in sorted(signatures.items()):
        inputs = function.structured_input_signature[1]
        if len(inputs) == 1:
            [(key, spec)] = inputs.items()
            for output in sorted(function.structured_outputs):
                yield _Endpoint(name, key, output, spec, _with_keyword(function, key))


def _with_keyword(function: Any, key: str) -> Callable[[Any], Any]:
    return lambda images: function(**{key: images})


def _of_methods(saved: Any) -> Iterator[_Endpoint]:
    """Yield the endpoints of the first function that takes images, in its inference mode.

    TensorFlow Hub's modules take `training` and other flags beside the images.
    """
    for name in _METHODS:
        method = getattr(saved, name, None)
        for concrete in getattr(method, "concrete_functions", ()):
            endpoints = _of_trace(name, method, concrete)
            if endpoints is not None:
                yield from endpoints
                return


def _of_trace(name: str, method: Any, concrete: Any) -> list[_Endpoint] | None:
    """Return the endpoints of one trace of a function, or None if it does not take one image."""
    positional, keywords = concrete.structured_input_signature
    specs = [
        value for value in (*positional, *keywords.values()) if isinstance(value, tf.TensorSpec)
    ]
    arguments = {**dict(enumerate(positional)), **keywords}
    is_training = any(value is True for value in arguments.values())
    if len(specs) != 1 or specs[0].shape.rank not in _IMAGE_RANKS or is_training:
        return None
    [spec] = specs

    def call(images: Any) -> dict[str, Any]:
        args = [images if value is spec else value for value in positional]
        kwargs = {key: images if value is spec else value for key, value in keywords.items()}
        return _by_key(method(*args, **kwargs))

    outputs = _by_key(concrete.structured_outputs)
    return [_Endpoint(name, str(spec.name or "images"), key, spec, call) for key in sorted(outputs)]


def _by_key(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping):
        return {str(key): value for key, value in outputs.items()}
    if isinstance(outputs, list | tuple):
        return {str(index): value for index, value in enumerate(outputs)}
    return {"": outputs}


def _choose(endpoints: Sequence[_Endpoint], options: ModelOptions) -> _Endpoint:
    """Choose by the keys in the options, which may be qualified as SIGNATURE:KEY."""
    prefix = f"model: {options.source}"
    if not endpoints:
        raise ModelError(
            f"{prefix} is not an image classifier: it has no signature or function that takes one "
            "image: save it with tf.saved_model.save(..., signatures=...) or model.export(...)"
        )
    output = None if options.output is None else str(options.output)
    matches = [endpoint for endpoint in endpoints if _fits(endpoint, options.input, output)]
    if len({endpoint.signature for endpoint in matches}) > 1:
        matches = [endpoint for endpoint in matches if endpoint.signature == _DEFAULT] or matches
    if len(matches) == 1:
        return matches[0]
    listed = "; ".join(str(endpoint) for endpoint in matches or endpoints)
    reason = (
        "has several inputs and outputs that match" if matches else "has no such input and output"
    )
    raise ModelError(
        f"{prefix} {reason}: set {setting('model.input')} and {setting('model.output')} to one of: "
        f"{listed}"
    )


def _fits(endpoint: _Endpoint, input: str | None, output: str | None) -> bool:  # noqa: A002
    return input in (
        None,
        endpoint.input,
        f"{endpoint.signature}:{endpoint.input}",
    ) and output in (
        None,
        endpoint.output,
        f"{endpoint.signature}:{endpoint.output}",
    )


def _count_parameters(saved: Any) -> int:
    """Count the numbers in variables, which SavedModels keep in different places."""
    variables = {id(variable): variable for variable in _variables(saved)}
    return sum(int(variable.shape.num_elements() or 0) for variable in variables.values())


def _variables(saved: Any) -> Iterator[Any]:
    yield from getattr(saved, "variables", ())
    methods = (getattr(saved, name, None) for name in _METHODS)
    concrete = (
        function for method in methods for function in getattr(method, "concrete_functions", ())
    )
    for function in (*saved.signatures.values(), *concrete):
        yield from function.variables
