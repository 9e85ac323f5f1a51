"""From options to a network ready to be differentiated."""

import logging
from dataclasses import dataclass
from typing import Any, Literal

from igcli.models import labels, preprocess
from igcli.models.device import choose
from igcli.models.network import TensorFlowNetwork
from igcli.models.options import Explained, ModelOptions, Precision
from igcli.models.sources import Loaded
from igcli.models.sources.input_shape import image_shape
from igcli.models.sources.open import open_source

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
        UsageError: The device or a file is not there, or the device is none for the precision.
        ModelError: The network cannot be read, or is none for RGB images.
    """
    place = choose(device, precision)
    loaded = open_source(options, trust=trust)
    computed = "float32" if precision == "auto" else precision
    return from_source(loaded, options, device=place, explain=explain, precision=computed)


def from_source(
    loaded: Loaded,
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
    shape = image_shape(loaded, options)
    before = preprocess.preprocessing(options.preprocess or loaded.preprocess)

    def scores(pixels: Any) -> Any:
        return loaded.function(before(pixels))

    network = TensorFlowNetwork(scores, shape, device=device, explain=explain, precision=precision)
    if explain == "probability" and network.activation is None:
        log.warning(
            "%s ends in no softmax or sigmoid: its output is explained as it is, which is no "
            "probability",
            options.source,
        )
    names = _labels(loaded, options, network.outputs)
    return Model(options.source, network, names, loaded.sha256, device)


def _labels(loaded: Loaded, options: ModelOptions, outputs: int) -> tuple[str, ...] | None:
    if options.labels:
        return labels.read(options.labels, outputs)
    known = loaded.labels
    if known is None or len(known) > outputs:  # Another output than the names are for.
        return None
    return known + tuple(str(each) for each in range(len(known), outputs))
