"""Baselines: inputs that stand for "nothing there", in pixel space; one file each.

Source: Sturmfels, Lundberg and Lee 2020, "Visualizing the impact of feature attribution baselines"
(Distill), compares them.
"""

import re
from typing import TYPE_CHECKING, Protocol, cast

from igcli import registry

if TYPE_CHECKING:  # Not NumPy: `--help` prints the names of baselines.
    from numpy.random import Generator

    from igcli.records import Array

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Baseline(Protocol):
    """The module of a baseline.

    Attributes:
        PER_IMAGE: Whether it differs from image to image.
        RANGE_RELATIVE: Whether its values lie between black, 0, and white, 255, and are mapped to
            other ranges of inputs; otherwise they come from the image.
    """

    PER_IMAGE: bool
    RANGE_RELATIVE: bool

    def baseline(self, image: "Array", random: "Generator") -> "Array":
        """Return the baseline of an image, in its shape and float32; pixels are 0...255."""
        ...


def names() -> tuple[str, ...]:
    """Return the names of the baselines, sorted."""
    return registry.names(__path__)


def load(name: str) -> Baseline:
    """Return the baseline called `name`."""
    return cast(Baseline, registry.load(__name__, name))


def is_colour(kind: str) -> bool:
    """Tell whether a baseline is a colour, '#rrggbb'."""
    return _COLOUR.fullmatch(kind) is not None


def is_name(kind: str) -> bool:
    """Tell whether a baseline is a name or looks like a colour, rather than a path."""
    return kind in names() or kind.startswith("#")
