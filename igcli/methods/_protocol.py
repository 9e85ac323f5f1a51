"""The interface of a method: a module with a few constants and `attribute`, which takes a `Task`.

Importing it does not import NumPy: `--help` prints the names of methods.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from igcli.integration.options import PathOptions
    from igcli.integration.requests import Computation
    from igcli.records import Array, Explanation, Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One input to explain.

    Attributes:
        image: Float32, shape of the network's input, in pixel space.
        baseline: Float32, the same shape.
        target: Index of the score to explain.
        interior: Whether to return interior gradients, for a GIF.
        gathered: Whether to return the attribution gathered along the path, for a plot.
        score: The target's score at the image, for methods that do not evaluate it themselves.
        baseline_score: The target's score at the baseline.
        noise_scale: Range of the values that noise is relative to, in the image's shape; None for
            the image's own range.
        noise_mask: Bool, in the image's shape, where noise may be added; None for everywhere.
        references: Baselines to draw from, for methods that do.
    """

    image: Array
    baseline: Array
    target: int
    interior: bool = False
    gathered: bool = False
    score: float = math.nan
    baseline_score: float = math.nan
    noise_scale: Array | None = None
    noise_mask: npt.NDArray[np.bool_] | None = None
    references: References | None = None


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """Typical inputs to draw baselines from.

    Attributes:
        inputs: R arrays of the input's shape, in pixel space, uint8 or float32.
        scores: Float32 (R, K), all scores of each.
    """

    inputs: Sequence[Array | Pixels]
    scores: Array


class Method(Protocol):
    """A module in `igcli.methods`; its file name is the method's name.

    Attributes:
        HEADING: Heading of its column in a panel.
        USES_BASELINE: Whether it depends on the task's baseline.
        INTERIOR: Whether it can return interior gradients.
        REFINABLE: Whether `steps: auto` refines its path; None for methods without a path.

    A method whose pictures show the largest value over the channels also has `TAKES_MAX = True`;
    one whose pictures show how far values lie above the smallest one, `ABOVE_MINIMUM = True`. One
    that needs an extra package has its name, `PACKAGE`; the extra has the name of the method.
    """

    HEADING: str
    USES_BASELINE: bool
    INTERIOR: bool
    REFINABLE: bool | None

    def attribute(self, task: Task, options: PathOptions) -> Computation[Explanation]:
        """Request gradients and return the attributions."""
        ...
