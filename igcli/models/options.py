"""Options of the network."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from igcli.errors import UsageError
from igcli.options import Expected, Options, PathField

NAMES = ("demo",)
"""Networks known by name; any other source is a file."""


def is_name(source: str) -> bool:
    """Tell whether a source is a known name rather than a path."""
    return source in NAMES


class Normalization(Options):
    """Preprocessing by numbers: (pixel - mean) / std."""

    mean: float = 0.0
    """Subtracted from every pixel value, 0...255."""

    std: float = Field(default=1.0, gt=0)
    """What the difference is divided by."""


Preprocess = Literal["tf", "torch", "caffe", "unit", "none"]
Side = Annotated[int, Field(ge=1)]


class ModelOptions(Options):
    """Which network, and how images are brought to it."""

    shorthand: ClassVar[str] = "source"

    source: Annotated[str, PathField(is_name)] = "demo"
    """The network: demo, or a .keras file."""

    preprocess: Annotated[
        Preprocess | Normalization | None,
        Expected("tf, torch, caffe, unit, none or {mean: 117.0, std: 1.0}"),
    ] = Field(default=None, examples=["tf"])
    """What the network expects of pixels 0...255: tf (to -1...1), torch, caffe, unit (to 0...1),
    none, or {mean: 117.0, std: 1.0}; for the demo it is known, for a file it is none."""

    labels: Annotated[str | None, PathField()] = Field(default=None, examples=["labels.txt"])
    """A text file with a class name a line, in the order of the network's outputs."""

    size: tuple[Side, Side] | None = Field(default=None, strict=False, examples=[[224, 224]])
    """Height and width of the input, where the network leaves it open."""

    fit: Literal["crop", "squash", "pad"] = "crop"
    """How an image of another size is fitted: crop (shorter side, then centre), squash or pad."""


def check_exists(options: ModelOptions) -> None:
    """Refuse files that are not there, before anything is loaded.

    Raises:
        UsageError: A file of weights or labels is missing.
    """
    named = {"model": None if is_name(options.source) else options.source}
    named["model.labels"] = options.labels
    for key, path in named.items():
        if path is not None and not Path(path).exists():
            raise UsageError(f"{key}: no such file: {path}")
