"""From options to a network ready to be differentiated."""

from dataclasses import dataclass
from typing import Any

from igcli.errors import ModelError
from igcli.models import labels, preprocess
from igcli.models.device import choose
from igcli.models.network import TensorFlowNetwork
from igcli.models.options import ModelOptions
from igcli.models.sources import Loaded, demo, keras_file


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
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        height, width, _ = self.network.input_shape
        return height, width

    def label(self, target: int) -> str:
        """Return the name of an output, or its index where there are no names."""
        return self.labels[target] if self.labels else str(target)


def load(options: ModelOptions, *, device: str) -> Model:
    """Load, freeze and place a network.

    Args:
        options: Which one, and how pixels are brought to it.
        device: "auto", "cpu", "gpu" or "gpu:N".

    Raises:
        UsageError: The device is not there.
        ModelError: The network cannot be read, or is none for RGB images.
    """
    place = choose(device)
    loaded = demo.load() if options.source == "demo" else keras_file.load(options.source)
    shape = _image_shape(loaded, options)
    before = preprocess.preprocessing(options.preprocess or loaded.preprocess)

    def scores(pixels: Any) -> Any:
        return loaded.function(before(pixels))

    network = TensorFlowNetwork(scores, shape, device=place)
    names = labels.read(options.labels, network.outputs) if options.labels else loaded.labels
    return Model(options.source, network, names, loaded.sha256, place)


def _image_shape(loaded: Loaded, options: ModelOptions) -> tuple[int, int, int]:
    """Settle height, width and channels of the input."""
    what = f"model: {options.source}"
    if len(loaded.input_shape) != 3 or loaded.input_shape[2] not in (3, None):
        raise ModelError(
            f"{what} takes inputs of shape {loaded.input_shape}, expected RGB images "
            "(height, width, 3)"
        )
    sides = loaded.input_shape[:2]
    wanted = options.size or sides
    if any(own not in (None, side) for own, side in zip(sides, wanted, strict=True)):
        raise ModelError(f"model.size: {list(wanted)} differs from the network's {list(sides)}")
    height, width = wanted
    if height is None or width is None:
        raise ModelError(f"{what} leaves its input size open: set model.size, as in [224, 224]")
    return height, width, 3
