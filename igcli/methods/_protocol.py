"""What a method is: a module with these names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # Names of methods must be had without NumPy: `--help` prints them.
    from igcli.paths.options import PathOptions
    from igcli.paths.work import Work
    from igcli.records import Array, Explanation


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One input to be explained.

    Attributes:
        image: Float32, shape of the network's input, in pixel space.
        baseline: Float32, the same shape.
        target: Index of the score to explain.
        interior: Whether interior gradients are wanted, for a GIF.
    """

    image: Array
    baseline: Array
    target: int
    interior: bool = False


class Method(Protocol):
    """A module in `igcli.methods`; its file name is the method's name.

    Attributes:
        HEADING: What its column in a panel is called.
    """

    HEADING: str

    def attribute(self, task: Task, options: PathOptions) -> Work[Explanation]:
        """Ask for gradients and return the attributions."""
        ...
