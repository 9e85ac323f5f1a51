"""Decodes images that mark an object: the masks of other people's annotation tools."""

import io
from tokenize import TokenError

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.ImageFile import ImageFile

from igcli.errors import ImageError
from igcli.images.colour import TRANSPARENT
from igcli.images.decode import DAMAGED, loaded
from igcli.images.formats import Format
from igcli.images.metadata import upright
from igcli.images.options import Limits
from igcli.images.tiff import TiffPage
from igcli.records import Pixels

BORDER, BORDER_COLOUR = 255, (224, 224, 192)
"""Index and colour of the borders that PASCAL VOC ignores, also in LabelMe's and CVAT's exports."""

HALF = 127
"""Largest alpha of transparent pixels."""

NUMPY = b"\x93NUMPY"

Flags = npt.NDArray[np.bool_]


def decode_mask(data: bytes, limits: Limits) -> Pixels:
    """Decode a mask; thread-safe.

    Background is what is transparent, if anything is; otherwise what is black or 0. With a palette,
    it is index 0, but black where that is another index, and the ignored borders of PASCAL VOC. In
    lossy formats, where black is not quite black, it is all up to half of the largest value.

    Args:
        data: An image in one of `formats.FORMATS`, or an array in NumPy's format.
        limits: Maximum sizes.

    Returns:
        uint8 (H, W, 1), upright: 1 on the object, otherwise 0.

    Raises:
        ImageError: It is neither, damaged or beyond the limits.
    """
    if data.startswith(NUMPY):
        return _of_array(data)[:, :, None].astype(np.uint8)
    with loaded(data, limits) as (form, image):
        metadata = form.metadata(data, image)
        return upright(_object(image, form, data)[:, :, None].astype(np.uint8), metadata)


def _object(image: ImageFile, form: Format, data: bytes) -> Flags:
    """Return the object's pixels in a loaded image, (H, W)."""
    if image.mode.startswith("I"):
        is_inverted = form.name == "TIFF" and TiffPage(data).is_inverted
        background = (1 << TiffPage(data).depth) - 1 if is_inverted else 0
        marked: Flags = np.asarray(image) != background
        return marked
    alpha = _alpha(image)
    if alpha is not None and alpha.min() < alpha.max():
        return _above(alpha, HALF)
    image.info.pop("transparency", None)  # Otherwise it would be white.
    colours = form.pixels(image, data) if alpha is None else np.asarray(image.convert("RGB"))
    if image.mode == "P":
        return _of_palette(np.asarray(image), colours)
    values = colours.max(-1)
    return _above(values, int(values.max()) // 2 if form.is_lossy else 0)


def _above(values: Pixels, limit: int) -> Flags:
    marked: Flags = values > limit
    return marked


def _alpha(image: Image.Image) -> Pixels | None:
    """Return the alpha channel, uint8 (H, W); None without one."""
    if image.mode in TRANSPARENT or "transparency" in image.info:
        return np.asarray(image.convert("RGBA").getchannel("A"))
    return None


def _of_palette(indices: Pixels, colours: Pixels) -> Flags:
    """Return the object's pixels from indices (H, W) and their colours (H, W, 3)."""
    is_first, is_black = indices == 0, ~colours.any(-1)
    # Labels have index 0 for the background; a palette of some other program has any order.
    by_index = (is_first & is_black).any() or not is_black.any()
    background = is_first if by_index else is_black
    is_border = (indices == BORDER) & (colours == BORDER_COLOUR).all(-1)
    marked: Flags = ~background & ~is_border
    return marked


def _of_array(data: bytes) -> Flags:
    """Return which values of an array of NumPy, (H, W) or (H, W, 1), are not 0."""
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
    except (*DAMAGED, TokenError, MemoryError) as error:
        text = " ".join(str(error).split())
        if "pickle" in text:
            raise ImageError("an array of Python objects, not of numbers") from error
        raise ImageError(f"damaged NumPy array: {text}") from error
    if array.dtype.kind not in "biuf":
        raise ImageError(f"an array of {array.dtype}, not of numbers")
    values = array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array
    if values.ndim != 2 or not values.size:
        raise ImageError(f"an array of shape {array.shape}: a mask has a height and a width")
    if not np.isfinite(values).all():
        raise ImageError("an array that is not finite")
    marked: Flags = values != 0
    return marked
