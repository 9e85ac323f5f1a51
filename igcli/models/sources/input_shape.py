"""What a network has to take, so that it can be given images and differentiated."""

from typing import Any

from igcli.errors import ModelError
from igcli.models.options import ModelOptions
from igcli.models.sources import Loaded

_FLOATS = ("float16", "bfloat16", "float32", "float64")


def check_dtype(dtype: Any, what: str) -> None:
    """Refuse inputs that are no floating-point numbers.

    Raises:
        ModelError: They are not.
    """
    name = getattr(dtype, "name", str(dtype))
    if name not in _FLOATS:
        raise ModelError(
            f"model: {what} takes {name} inputs, through which there is no gradient: save it "
            "from its first floating-point tensor on, or name that tensor of a frozen graph with "
            "model.input"
        )


def image_shape(loaded: Loaded, options: ModelOptions) -> tuple[int, int, int]:
    """Settle height, width and channels of a network's input.

    Args:
        loaded: The network.
        options: The size wanted, where it leaves its own open.

    Raises:
        ModelError: It is no RGB image, or its size is open and not given.
    """
    what, shape = f"model: {options.source}", loaded.input_shape
    if len(shape) != 3 or shape[2] not in (3, None):
        raise ModelError(f"{what} takes {_kind(shape)}, expected RGB images (height, width, 3)")
    sides = shape[:2]
    wanted = options.size or (loaded.size if None in sides else None) or sides
    if any(own not in (None, side) for own, side in zip(sides, wanted, strict=True)):
        raise ModelError(f"model.size: {list(wanted)} differs from the network's {list(sides)}")
    height, width = wanted
    if height is None or width is None:
        raise ModelError(f"{what} leaves its input size open: set model.size, as in [224, 224]")
    return height, width, 3


def _kind(shape: tuple[int | None, ...]) -> str:
    if len(shape) == 3 and shape[0] == 3:
        wrap = "save it behind a transposing layer, keras.layers.Permute((3, 1, 2))"
        return f"images with channels first {shape} ({wrap})"
    if len(shape) == 3 and shape[2] == 1:
        return f"images of one channel {shape} (save it behind a layer that averages the channels)"
    return f"inputs of shape {shape}"
