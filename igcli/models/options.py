"""The options of the network, and checks of its files that need no TensorFlow."""

import difflib
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from igcli.errors import UsageError
from igcli.models.catalog.applications import APPLICATIONS, PREFIX
from igcli.models.file_kind import SUFFIXES, foreign, kind_by_content, kind_of
from igcli.options import Expected, Options, PathField

NAMES = ("demo", "inception_v1")
"""Networks known by name, besides those of `keras.applications`."""

WEIGHTS = ("imagenet", "random")
"""Weights known by name; anything else is a file."""


def is_name(source: str) -> bool:
    """Tell whether a source is the name of a network rather than a path."""
    return source in NAMES or source.startswith(PREFIX)


def is_module(objects: str) -> bool:
    """Tell whether custom objects are named by an importable module rather than by a file."""
    return not objects.endswith(".py")


def _check_application(source: str) -> str:
    """Refuse keras:NAME if there is no such network."""
    name = source.removeprefix(PREFIX)
    if not source.startswith(PREFIX) or name in APPLICATIONS:
        return source
    by_lower = {known.lower(): known for known in APPLICATIONS}
    close = difflib.get_close_matches(name.lower(), by_lower, 1)
    hint = f"did you mean {PREFIX}{by_lower[close[0]]}?" if close else "see igcli models list"
    raise ValueError(f"keras.applications has no network {name!r} ({hint})")


Channels = Annotated[tuple[float, float, float], Field(strict=False)]
Positive = Annotated[float, Field(gt=0)]
PositiveChannels = Annotated[tuple[Positive, Positive, Positive], Field(strict=False)]


class Normalization(Options):
    """Preprocessing as (pixel - mean) / std."""

    mean: float | Channels = 0.0
    """Mean to subtract from pixel values 0...255: one number, or one each for red, green and
    blue."""

    std: Positive | PositiveChannels = 1.0
    """Standard deviation to divide by: one number, or one each for red, green and blue."""


def describe_preprocessing(mode: str | Normalization) -> str:
    """Return a preprocessing as it is written in YAML."""
    if isinstance(mode, str):
        return mode
    mean, std = (list(part) if isinstance(part, tuple) else part for part in (mode.mean, mode.std))
    return f"{{mean: {mean}, std: {std}}}"


Preprocess = Literal["tf", "torch", "caffe", "unit", "none"]
Explained = Literal["probability", "logit"]
Activation = Literal["softmax", "sigmoid"]
Precision = Literal["float32", "bfloat16", "auto"]
Side = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]


class ModelOptions(Options):
    """The network and how images are prepared for it."""

    shorthand: ClassVar[str] = "source"

    source: Annotated[str, PathField(is_name), AfterValidator(_check_application)] = "demo"
    """Network to explain: demo, inception_v1, keras:NAME, a .keras, .h5 or .onnx file, a SavedModel
    folder or a frozen .pb graph."""

    weights: Annotated[str | None, PathField(lambda weights: weights in WEIGHTS)] = Field(
        default=None, examples=["imagenet"]
    )
    """Weights of a keras:NAME network: imagenet (its default), random or a weights file."""

    preprocess: Annotated[
        Preprocess | Normalization | None,
        Expected("tf, torch, caffe, unit, none or {mean: 117.0, std: 1.0}"),
    ] = Field(default=None, examples=["tf"])
    """Scaling of pixel values 0...255 that the network expects: tf (to -1...1), torch, caffe, unit
    (to 0...1), none, or {mean: 117.0, std: 1.0}; networks known by name have their own, for files
    it is none."""

    labels: Annotated[str | None, PathField()] = Field(default=None, examples=["labels.txt"])
    """Class names in the order of the network's outputs: a text file with one name per line, with
    or without its index (0 cat), or JSON."""

    size: tuple[Side, Side] | None = Field(default=None, strict=False, examples=[[224, 224]])
    """Height and width of the input, for networks that accept any size."""

    fit: Literal["crop", "squash", "pad"] = "crop"
    """How to fit images of another shape: crop (scale the shorter side, then cut out the centre),
    squash or pad."""

    resample: Literal["nearest", "bilinear", "bicubic", "lanczos", "area"] = "bilinear"
    """Interpolation of images of another size; all but nearest are antialiased."""

    input: Name | None = Field(default=None, examples=["input:0"])
    """Input that takes the image: a tensor of a frozen graph, an input of an ONNX graph or a key of
    a SavedModel."""

    output: Name | Annotated[int, Field(ge=0)] | None = Field(default=None, examples=["softmax:0"])
    """Output to explain if there are several: a tensor of a frozen graph or of an ONNX graph, a key
    of a SavedModel, or the name or index of a Keras network's output."""

    feeds: Annotated[
        dict[str, float | bool] | None,
        Expected("a mapping such as {keep_prob: 1.0}, on the command line keep_prob=1.0"),
    ] = Field(default=None, examples=[{"keep_prob": 1.0}])
    """Values of further inputs of a frozen graph, by name."""

    activation: Activation | None = Field(default=None, examples=["softmax"])
    """Activation to add to a network that ends in logits, so that probabilities are explained:
    softmax (one class) or sigmoid (any number of classes)."""

    custom_objects: Annotated[str | None, PathField(is_module)] = Field(
        default=None, examples=["my_layers.py"]
    )
    """Python file or module with the custom layers and functions of a Keras file; it is executed,
    so it requires --trust-model."""

    @model_validator(mode="after")
    def _weights_are_for_applications(self) -> "ModelOptions":
        if self.weights is not None and not self.source.startswith(PREFIX):
            raise ValueError(
                f"weights only apply to {PREFIX}NAME networks; {self.source} has its own"
            )
        return self


def check_files(options: ModelOptions) -> None:
    """Refuse files that do not exist or are of an unknown kind, before anything is loaded.

    Raises:
        UsageError: A file of a network, weights, labels or custom objects does not exist, or the
            network's file is not a kind that networks are read from.
    """
    source, weights, objects = options.source, options.weights, options.custom_objects
    files = {
        "model": None if is_name(source) else source,
        "model.weights": None if weights in WEIGHTS else weights,
        "model.labels": options.labels,
        "model.custom_objects": None if objects is None or is_module(objects) else objects,
    }
    for key, path in files.items():
        if path is not None and not Path(path).exists():
            hint = name_hint(path) if key == "model" else ""
            raise UsageError(f"{key}: no such file: {path}{hint}")
        if path is not None and key != "model" and Path(path).is_dir():
            raise UsageError(f"{key}: {path} is a folder, expected a file")
    if files["model"] is not None:
        _check_kind(source)


def name_hint(path: str) -> str:
    """Return a hint for a missing path that may be meant as the name of a network."""
    names = {name.lower(): name for name in NAMES}
    names |= {f"{PREFIX}{name}".lower(): f"{PREFIX}{name}" for name in APPLICATIONS}
    names |= {name.lower(): f"{PREFIX}{name}" for name in APPLICATIONS}
    close = difflib.get_close_matches(path.lower(), names, 1, 0.8)
    if close:
        return f" (did you mean {names[close[0]]}?)"
    is_file = Path(path).suffix or "/" in path
    return "" if is_file else " (igcli models list prints the networks known by name)"


def _check_kind(source: str) -> None:
    kind = kind_by_content(source)
    if kind is not None:
        return
    if Path(source).is_dir():
        raise UsageError(
            f"model: {source} is a folder, expected a SavedModel (with saved_model.pb) or an "
            "unpacked .keras archive (with config.json)"
        )
    reason = foreign(source)
    if reason is not None:
        raise UsageError(f"model: {source} {reason}")
    if kind_of(source) is None:
        raise UsageError(
            f"model: {source}: networks are read from {', '.join(SUFFIXES)} files and SavedModel "
            "folders (convert other kinds first, or pass the model to igcli.attribute in Python)"
        )
