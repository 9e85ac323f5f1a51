"""From options to a network ready to be differentiated."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from igcli.errors import ModelError
from igcli.models import labels, preprocess
from igcli.models.graph.integer_input import cast_to_integers
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.options import Explained, ModelOptions, Precision
from igcli.models.runtime import choose, tensorflow
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import InputLayout, input_layout
from igcli.models.sources.open import open_source

tf = tensorflow()

Function = Callable[[Any], Any]

_NOT_CALLED = (
    *(ValueError, TypeError, LookupError, AttributeError, RuntimeError, tf.errors.OpError),
    import_module("tensorflow.python.autograph.pyct.errors").PyCTError,
)
"""What a network's own code raises."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network and what is known of it.

    Attributes:
        name: Its source.
        network: Its scores and gradients, in pixel space.
        labels: Class names, or None where nobody gave any.
        sha256: Of the weights' file, hexadecimal.
        device: TensorFlow's name of the device it runs on.
    """

    name: str
    network: TensorFlowNetwork
    labels: tuple[str, ...] | None
    sha256: str
    device: str

    @property
    def precision(self) -> str:
        """What its gradients are computed in: "float32" or "bfloat16"."""
        return self.network.precision

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        height, width, _ = self.network.input_shape
        return height, width

    @property
    def channels(self) -> int:
        """Channels of the input: 3, or 1 for grey images."""
        return int(self.network.input_shape[-1])

    def label(self, target: int) -> str:
        """Return the name of an output, or its index where there are no names."""
        return self.labels[target] if self.labels else str(target)


def load(
    options: ModelOptions,
    *,
    device: str,
    explain: Explained = "probability",
    precision: Precision = "float32",
    trust: bool = False,
) -> Model:
    """Load, freeze and place a network.

    Args:
        options: Which one, and how pixels are brought to it.
        device: "auto", "cpu", "gpu" or "gpu:N".
        explain: Which scores: "probability", the output as it is, or "logit".
        precision: What gradients are computed in; float32 where it is "auto".
        trust: Whether a Keras file may bring code of its author's.

    Raises:
        UsageError: The device or a file is not there.
        ModelError: The network cannot be read, or is none for RGB images.
    """
    place = choose(device)
    loaded = open_source(options, trust=trust)
    computed = "float32" if precision == "auto" else precision
    return from_source(loaded, options, device=place, explain=explain, precision=computed)


def from_source(
    loaded: OpenedModel,
    options: ModelOptions,
    *,
    device: str,
    explain: Explained,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> Model:
    """Freeze a network that its source has opened.

    Args:
        loaded: The network.
        options: How pixels are brought to it.
        device: TensorFlow's name of the device.
        explain: Which scores.
        precision: What gradients are computed in.

    Raises:
        ModelError: It is none for RGB images, or the scores wanted are not found.
    """
    layout = input_layout(loaded, options)
    scores = scores_of_pixels(loaded, layout, options)
    head_options = HeadOptions(explain, options.activation, binary=True)
    try:
        network = TensorFlowNetwork(
            scores, layout.shape, device=device, head_options=head_options, precision=precision
        )
    except _NOT_CALLED as error:
        raise ModelError(
            f"model: {options.source} cannot be called with images of shape {layout.shape}: "
            f"{_cause(error)}"
        ) from error
    if explain == "probability" and network.activation is None:
        log.warning(
            "%s ends in no softmax or sigmoid: its output is explained as it is, which is no "
            "probability; model.activation adds the one that is missing",
            options.source,
        )
    names = _labels(loaded, options, network.outputs)
    return Model(options.source, network, names, loaded.sha256, device)


def _cause(error: Exception) -> str:
    """Return what went wrong, out of the many lines that TensorFlow and Keras make of it."""
    text = str(error)
    # Keras prints what matters in bold.
    if bold := re.search(r"\x1b\[1m(.*?)\x1b\[0m", text, re.DOTALL):
        text = bold[1]
    elif named := re.findall(r"^\s*\w+Error: (.+)$", text, re.MULTILINE):
        text = named[-1]
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)


def scores_of_pixels(loaded: OpenedModel, layout: InputLayout, options: ModelOptions) -> Function:
    """Return the function from pixels (N, H, W, C), 0...255, to what the network gives.

    Raises:
        ModelError: The preprocessing is not for such inputs.
    """
    mode = options.preprocess or loaded.preprocess
    before = preprocess.preprocessing(mode, channels=layout.shape[-1])
    if layout.is_integer and mode != "none":
        raise ModelError(
            f"model.preprocess: {options.source} takes integers 0...255 ({layout.dtype}) and "
            "scales them itself: use none"
        )

    def scores(pixels: Any) -> Any:
        images = layout.arrange(before(pixels))
        cast = cast_to_integers if layout.is_integer else tf.cast
        found = loaded.function(cast(images, layout.dtype))
        is_map = layout.channels_first and found.shape.rank == 4
        return tf.transpose(found, [0, 2, 3, 1]) if is_map else found

    return scores


def _labels(loaded: OpenedModel, options: ModelOptions, outputs: int) -> tuple[str, ...] | None:
    if options.labels:
        return labels.read(options.labels, outputs)
    known = loaded.labels
    if known is None or len(known) > outputs:  # Another output than the names are for.
        return None
    return known + tuple(str(each) for each in range(len(known), outputs))
