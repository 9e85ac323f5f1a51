"""Types of the arguments and results of the Python interface."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict, TypeVar

import numpy.typing as npt

from igcli.models.options import Activation

ModelFunction = Callable[..., Any]
"""A Keras model, or a function of TensorFlow tensors.

Arguments and result are `Any`: TensorFlow and Keras publish no types for tensors and models.
"""

InputsT = TypeVar("InputsT", npt.NDArray[Any], list[npt.NDArray[Any]], dict[str, npt.NDArray[Any]])
"""One input, or a list or mapping of several: arrays (N, ...) of any numeric type.

Results come in the structure of the inputs. Nested lists and tuples are accepted at run time too;
convert them with `numpy.asarray` or `list` for type checkers.
"""

InputBaseline = str | npt.ArrayLike | Mapping[str, object]
"""The baseline of one input: a name, a number, an array in the input's shape (N, ...) or one row of
it, or a mapping such as `{"kind": "noise", "samples": 10}`."""

Baseline = InputBaseline | Sequence[InputBaseline]
"""One baseline for all inputs, or a list or mapping with one for each input."""

BaselineSpace = Literal["inputs", "layer"]

References = npt.ArrayLike | Sequence[npt.ArrayLike] | Mapping[str, npt.ArrayLike]
"""Arrays (R, ...) in the structure of the inputs, for methods that draw their baselines."""

Target = str | npt.ArrayLike
"""An index, indices (N,) or (N, R), "top", or a label of a loaded model."""

Steps = int | Literal["auto"]
InputRange = tuple[float, float]
GradientPrecision = Literal["float32", "bfloat16"]


class KerasLayer(Protocol):
    """A Keras layer. Keras publishes no types, so this names the part that is used of it."""

    @property
    def name(self) -> str:
        """The layer's name within its model."""
        ...


Layers = str | KerasLayer | Sequence[str | KerasLayer]
"""One or several layers of a Keras model, given as layers or by name."""


class LoadOptions(TypedDict, total=False):
    """The keys of `model` in the configuration, which `load_model` takes as keyword arguments.

    Attributes:
        weights: Weights of a "keras:NAME" network: "imagenet", "random" or the path of a file.
        preprocess: What the network expects of pixels 0...255, by name or as mean and std.
        labels: Path of a file with the class names in the order of the outputs.
        size: Height and width of the input in pixels, if the network leaves them open.
        fit: How images of another size are fitted; arrays must have the right size.
        resample: How pixels of another size are computed.
        input: Tensor of a frozen graph, input of an ONNX graph, or key of a SavedModel, that takes
            the image.
        output: Name or index of the output to explain, if there are several.
        feeds: Values for further inputs of a frozen graph, by name.
        activation: Added to a network that ends in logits.
        custom_objects: A Python file or module with the code that a Keras file needs.
    """

    weights: str | None
    preprocess: (
        Literal["tf", "torch", "caffe", "unit", "none"]
        | Mapping[str, float | Sequence[float]]
        | None
    )
    labels: str | None
    size: tuple[int, int] | None
    fit: Literal["crop", "squash", "pad"]
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos", "area"]
    input: str | None
    output: str | int | None
    feeds: Mapping[str, float | bool] | None
    activation: Activation | None
    custom_objects: str | None
