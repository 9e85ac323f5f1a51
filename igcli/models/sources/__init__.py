"""Where networks come from: one file for each kind of source."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from igcli.models.options import Normalization, Preprocess


@dataclass(frozen=True, slots=True, eq=False)
class OpenedModel:
    """A network as its source returns it.

    Attributes:
        function: From preprocessed inputs (N, ...) to scores (N, K), or (N, H, W, K) of pixels.
        input_shape: Shape of one input; None for each side that the network leaves open.
        preprocess: What it is known to expect of pixels.
        labels: Class names, if the source knows them.
        sha256: SHA-256 of the file or files, hexadecimal.
        input: Name of its input.
        output: Name of the output.
        parameters: Number of its weights.
        size: Height and width that it is designed for, if its input shape leaves them open.
        dtype: Type of its inputs: "float32", "uint8" and so on.
        suggested_preprocess: What it probably expects of pixels, for a notice; None if unknown.
    """

    function: Callable[[Any], Any]
    input_shape: tuple[int | None, ...]
    preprocess: Preprocess | Normalization
    labels: tuple[str, ...] | None
    sha256: str
    input: str
    output: str
    parameters: int
    size: tuple[int, int] | None = None
    dtype: str = "float32"
    suggested_preprocess: Preprocess | None = None
