"""Loads a network and prepares it to be differentiated in pixel space."""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from igcli.errors import ModelError
from igcli.models import labels, preprocess
from igcli.models.graph.integer_input import cast_to_integers
from igcli.models.network.head import HeadOptions
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.network.several_devices import AnyNetwork, on_devices
from igcli.models.options import Explained, ModelOptions, Precision
from igcli.models.runtime import choose_devices, tensorflow
from igcli.models.sources import OpenedModel
from igcli.models.sources.input_shape import InputLayout, input_layout
from igcli.models.sources.open import open_source
from igcli.options import setting

tf = tensorflow()

Function = Callable[[Any], Any]

_CALL_ERRORS = (
    *(ValueError, TypeError, LookupError, AttributeError, RuntimeError, tf.errors.OpError),
    import_module("tensorflow.python.autograph.pyct.errors").PyCTError,
)
"""What a network's own code raises when it is traced."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network and what is known about it.

    Attributes:
        name: Its source, as in the options.
        network: Its scores and gradients, in pixel space.
        labels: Class names, or None if unknown.
        sha256: SHA-256 of the file or of the weights, hexadecimal.
        suggested_preprocess: What it probably expects of pixels if the options do not say; None if
            unknown.
    """

    name: str
    network: AnyNetwork
    labels: tuple[str, ...] | None
    sha256: str
    suggested_preprocess: str | None = None

    @property
    def device(self) -> str:
        """TensorFlow's name of the device it runs on; several in words."""
        return self.network.device

    @property
    def precision(self) -> str:
        """The type that gradients are computed in: "float32" or "bfloat16"."""
        return self.network.precision

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the input."""
        height, width, _ = self.network.input_shape
        return height, width

    @property
    def channels(self) -> int:
        """Number of channels of the input: 3, or 1 for grey images."""
        return int(self.network.input_shape[-1])

    def label(self, target: int) -> str:
        """Return the name of an output, or its index if there are no names."""
        return self.labels[target] if self.labels else str(target)


def load(
    options: ModelOptions,
    *,
    device: str,
    explain: Explained = "probability",
    precision: Precision = "float32",
    trust: bool = False,
) -> Model:
    """Open a network, freeze it and place it on one device or several.

    Args:
        options: The network, and how images are prepared for it.
        device: As `choose_devices` takes it.
        explain: The scores to explain: "probability" (the output as it is) or "logit".
        precision: Type that gradients are computed in; "auto" means float32 here.
        trust: Whether a Keras file may run its author's code.

    Raises:
        UsageError: The device or a file does not exist.
        ModelError: The network cannot be read, or does not take RGB or grey images.
    """
    devices = choose_devices(device)
    opened = open_source(options, trust=trust)
    resolved = "float32" if precision == "auto" else precision
    return from_source(opened, options, devices=devices, explain=explain, precision=resolved)


def from_source(
    opened: OpenedModel,
    options: ModelOptions,
    *,
    devices: Sequence[str],
    explain: Explained,
    precision: Literal["float32", "bfloat16"] = "float32",
) -> Model:
    """Freeze an opened network and place it on one device or several.

    Args:
        opened: The network.
        options: How images are prepared for it.
        devices: TensorFlow's names of the devices.
        explain: The scores to explain.
        precision: Type that gradients are computed in.

    Raises:
        ModelError: It does not take RGB or grey images, or the requested scores are not found.
    """
    layout = input_layout(opened, options)
    scores = scores_of_pixels(opened, layout, options)
    try:
        network = TensorFlowNetwork(
            scores,
            layout.shape,
            device=devices[0],
            head_options=head_options_of(options, explain),
            precision=precision,
        )
    except ModelError as error:
        # What an ONNX graph refuses while it is traced has TensorFlow's stack in front.
        raise ModelError(_cause(error)) from error
    except _CALL_ERRORS as error:
        raise ModelError(
            f"model: {options.source} cannot be called with images of shape {layout.shape}: "
            f"{_cause(error)}"
        ) from error
    if explain == "probability" and network.activation is None:
        log.warning(
            "%s does not end in a softmax or sigmoid: its raw output is explained, which is not a "
            "probability; set %s to add the missing one",
            options.source,
            setting("model.activation"),
        )
    names = _labels(opened, options, network.outputs)
    suggestion = None if options.preprocess else opened.suggested_preprocess
    everywhere = on_devices(network, devices)
    return Model(options.source, everywhere, names, opened.sha256, suggestion)


def head_options_of(options: ModelOptions, explain: Explained) -> HeadOptions:
    """Return how the output of a network of image classes becomes scores."""
    return HeadOptions(explain, options.activation, binary=True)


def _cause(error: Exception) -> str:
    """Return the one line that matters of a long message from TensorFlow or Keras."""
    text = str(error)
    # Keras prints that line in bold.
    if bold := re.search(r"\x1b\[1m(.*?)\x1b\[0m", text, re.DOTALL):
        text = bold[1]
    elif errors := re.findall(r"^\s*\w+Error: (.+)$", text, re.MULTILINE):
        text = errors[-1]
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)


def scores_of_pixels(opened: OpenedModel, layout: InputLayout, options: ModelOptions) -> Function:
    """Return the function from pixels (N, H, W, C), 0...255, to the network's output.

    Raises:
        ModelError: The preprocessing does not fit the type or channels of its input.
    """
    mode = options.preprocess or opened.preprocess
    preprocessing = preprocess.preprocessing(mode, channels=layout.shape[-1])
    if layout.is_integer and mode != "none":
        raise ModelError(
            f"model.preprocess: {options.source} takes integers 0...255 ({layout.dtype}) and "
            "scales them itself: set it to none"
        )

    def scores(pixels: Any) -> Any:
        images = layout.arrange(preprocessing(pixels))
        cast = cast_to_integers if layout.is_integer else tf.cast
        output = opened.function(cast(images, layout.dtype))
        is_map = layout.channels_first and output.shape.rank == 4
        return _with_channels_last(output) if is_map else output

    return scores


def _with_channels_last(maps: Any) -> Any:
    """Return maps (N, K, H, W) as (N, H, W, K): as they were if they were transposed at the end.

    Otherwise two transposes would hide the activation that the network ends in.
    """
    op = maps.op if tf.is_symbolic_tensor(maps) else None
    while op is not None and op.type == "EnsureShape":
        op = op.inputs[0].op
    if op is not None and op.type == "Transpose":
        axes = tf.get_static_value(op.inputs[1])
        if axes is not None and list(axes) == [0, 3, 1, 2]:
            return op.inputs[0]
    return tf.transpose(maps, [0, 2, 3, 1])


def _labels(opened: OpenedModel, options: ModelOptions, outputs: int) -> tuple[str, ...] | None:
    if options.labels:
        return labels.read(options.labels, outputs)
    known = opened.labels
    if known is None or len(known) > outputs:  # The names belong to another output.
        return None
    return known + tuple(str(index) for index in range(len(known), outputs))
