"""Networks in SavedModel folders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from igcli.errors import ModelError
from igcli.models import digest
from igcli.models.options import ModelOptions
from igcli.models.runtime import tensorflow
from igcli.models.sources import Loaded
from igcli.models.sources.input_shape import check_dtype
from igcli.models.sources.keras_file import first_line

tf = tensorflow()

_DEFAULT = "serving_default"


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """One way from an input to an output of a SavedModel.

    Attributes:
        signature: Name of the signature.
        input: Key of its only input.
        output: Key of one of its outputs.
        function: The signature.
    """

    signature: str
    input: str
    output: str
    function: Any

    @property
    def spec(self) -> Any:
        """Shape and type of the input."""
        return self.function.structured_input_signature[1][self.input]

    def __str__(self) -> str:
        return f"{self.signature}: {self.input} -> {self.output}"


def load(options: ModelOptions) -> Loaded:
    """Load a SavedModel and choose one of its signatures.

    Raises:
        ModelError: It cannot be read, or the choice is not unique.
    """
    path = options.source
    sha256 = digest.of_folder(path)
    try:
        # The object has to outlive the loading: it owns the variables.
        saved = tf.saved_model.load(path)
    except (tf.errors.OpError, OSError, ValueError, LookupError, DecodeError) as error:
        reason = getattr(error, "message", None) or first_line(error)
        raise ModelError(
            f"model: {path} is not a SavedModel that can be read: {reason.splitlines()[0]}"
        ) from None
    way = _chosen(list(_ways(saved.signatures)), options)
    check_dtype(way.spec.dtype, path)
    if way.spec.shape.rank is None:
        raise ModelError(f"model: {path} does not say the shape of its input {way.input}")
    _check_batch(way, path)

    def function(inputs: Any, _keep: Any = saved) -> Any:
        return way.function(**{way.input: tf.cast(inputs, way.spec.dtype)})[way.output]

    return Loaded(
        function=function,
        input_shape=tuple(way.spec.shape[1:]),
        preprocess="none",
        labels=None,
        sha256=sha256,
        input=f"{way.signature}: {way.input}",
        output=way.output,
        parameters=sum(int(each.shape.num_elements()) for each in way.function.variables),
    )


def _ways(signatures: Any) -> Iterator[_Way]:
    for name, function in sorted(signatures.items()):
        inputs = function.structured_input_signature[1]
        if len(inputs) == 1:
            for output in sorted(function.structured_outputs):
                yield _Way(name, next(iter(inputs)), output, function)


def _chosen(ways: Sequence[_Way], options: ModelOptions) -> _Way:
    """Choose by keys, which a signature's name and a colon may precede."""
    what, wanted = f"model: {options.source}", (options.input, options.output)
    if not ways:
        raise ModelError(
            f"{what} has no signature of one input: save it with "
            "tf.saved_model.save(..., signatures=...) or model.export(...)"
        )
    found = [way for way in ways if _fits(way, *wanted)]
    if len({way.signature for way in found}) > 1:
        found = [way for way in found if way.signature == _DEFAULT] or found
    if len(found) == 1:
        return found[0]
    listed = "; ".join(str(way) for way in found or ways)
    why = "leaves the choice open" if found else "has no such input and output"
    raise ModelError(f"{what} {why}: set model.input and model.output by one of: {listed}")


def _fits(way: _Way, input: str | None, output: str | int | None) -> bool:  # noqa: A002
    return input in (None, way.input, f"{way.signature}:{way.input}") and output in (
        None,
        way.output,
        f"{way.signature}:{way.output}",
    )


def _check_batch(way: _Way, path: str) -> None:
    batch = way.spec.shape[0]
    if batch is not None:
        raise ModelError(
            f"model: {path} takes exactly {batch} image(s) at a time: save it with an open batch "
            "dimension (None), so that many points of a path are computed at once"
        )
