"""The stages of the test: which layers are randomized together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

Mode = Literal["cascading", "independent"]

MODES: tuple[Mode, ...] = ("cascading", "independent")


@dataclass(frozen=True, slots=True)
class Stage:
    """Layers that are randomized together.

    Attributes:
        mode: "cascading": the top layers, down to one; "independent": one layer alone.
        number: Number of layers from the output down to the last that is randomized.
        layer: Name of that layer.
    """

    mode: Mode
    number: int
    layer: str

    @property
    def layers(self) -> range:
        """Indices of the randomized layers, those nearest to the output first."""
        return range(0 if self.mode == "cascading" else self.number - 1, self.number)

    def record(self) -> dict[str, object]:
        """Return the stage for JSON."""
        return {"mode": self.mode, "layers": self.number, "layer": self.layer}


def stages_of(layers: Sequence[str], modes: Sequence[Mode], count: int | None) -> list[Stage]:
    """Return the stages of some modes, each from the output down.

    Args:
        layers: Names of the network's layers, those nearest to the output first.
        modes: The modes.
        count: Maximum number of stages of a mode, evenly spread from the top layer to the lowest;
            None for one at each layer. A single stage is that of the lowest layer.
    """
    if count is None or count >= len(layers):
        numbers = list(range(1, len(layers) + 1))
    else:
        spread = np.linspace(len(layers), 1, count).round().astype(int)
        numbers = sorted(set(spread.tolist()))
    return [Stage(mode, number, layers[number - 1]) for mode in modes for number in numbers]
