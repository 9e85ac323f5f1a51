"""Where networks come from: one file for each kind of source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from igcli.models.options import Preprocess


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A network as its source gives it.

    Attributes:
        function: Scores (N, K) of preprocessed inputs (N, ...).
        input_shape: Shape of one input; None where the network leaves a side open.
        preprocess: What it is known to expect of pixels.
        labels: Class names, where the source knows them.
        sha256: Of the file or files, hexadecimal.
    """

    function: Callable[[Any], Any]
    input_shape: tuple[int | None, ...]
    preprocess: Preprocess
    labels: tuple[str, ...] | None
    sha256: str
