"""What a method is: a module with these names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # Names of methods must be had without NumPy: `--help` prints them.
    import numpy as np
    import numpy.typing as npt

    from igcli.integration.options import PathOptions
    from igcli.integration.requests import Work
    from igcli.records import Array, Explanation, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One input to be explained.

    Attributes:
        image: Float32, shape of the network's input, in pixel space.
        baseline: Float32, the same shape.
        target: Index of the score to explain.
        interior: Whether interior gradients are wanted, for a GIF.
        gathered: Whether the attribution gathered along the path is wanted, for a plot.
        score: The target's score at the image, for methods that do not evaluate it themselves.
        baseline_score: The same at the baseline.
        spread: What added noise is scaled by, in the image's shape; None for the image's range.
        noisy: Bool, in the image's shape, where noise may be added; None for everywhere.
        references: Baselines to draw from, for methods that do.
    """

    image: Array
    baseline: Array
    target: int
    interior: bool = False
    gathered: bool = False
    score: float = math.nan
    baseline_score: float = math.nan
    spread: Array | None = None
    noisy: npt.NDArray[np.bool_] | None = None
    references: References | None = None


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Inputs that stand for what is usual.

    Attributes:
        inputs: R arrays of the input's shape, in pixel space, uint8 or float32.
        scores: Float32 (R, K), all scores of each.
    """

    inputs: Sequence[Array | Pixels]
    scores: Array


class Method(Protocol):
    """A module in `igcli.methods`; its file name is the method's name.

    Attributes:
        HEADING: What its column in a panel is called.
        FROM_BASELINE: Whether it depends on the task's baseline.
        INTERIOR: Whether it can give interior gradients.
        REFINED: Whether `steps: auto` refines its path; None where it has none.
    """

    HEADING: str
    FROM_BASELINE: bool
    INTERIOR: bool
    REFINED: bool | None

    def attribute(self, task: Task, options: PathOptions) -> Work[Explanation]:
        """Ask for gradients and return the attributions."""
        ...
