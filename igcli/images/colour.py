"""Any kind of pixels as RGB."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from igcli.errors import ImageError
from igcli.images.tiff import FLOAT, FORMAT, TiffPage
from igcli.records import Pixels

TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")
NO_COLOURS = (
    "a TIFF of {kind} values{span}: which of them are black and white is not said; save it with "
    "8 or 16 bits"
)


def to_rgb(image: Image.Image) -> Pixels:
    """Return a loaded image as RGB, uint8 (H, W, 3); what is transparent lies over white.

    Values of 16 bits are divided by 257, not cut off.
    """
    if image.mode.startswith("I"):
        return _of_grey(np.asarray(image), 16, transparent=image.info.get("transparency", -1))
    if "transparency" in image.info or image.mode in TRANSPARENT:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    if image.mode == "LAB":
        image = _from_lab(image)
    return np.asarray(image.convert("RGB"))


def to_luma(pixels: Pixels) -> Pixels:
    """Return RGB pixels (H, W, 3) as grey ones, uint8 (H, W, 1).

    Source: ITU-R BT.601, as Pillow rounds it and so Keras's `load_img(color_mode="grayscale")`.
    """
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


def of_tiff(image: Image.Image, page: TiffPage) -> Pixels:
    """Return a loaded TIFF as RGB; as in `to_rgb`.

    Raises:
        ImageError: Its values are not colours of 8 or 16 bits.
    """
    if image.mode in ("I", "F"):
        values = np.asarray(image)
        finite = values[np.isfinite(values)]
        span = (float(finite.min()), float(finite.max())) if finite.size else None
        raise ImageError(no_colours(page, span))
    if image.mode == "P" and (palette := page.palette()):
        image.putpalette(palette)
    if not image.mode.startswith("I"):
        return to_rgb(image)
    values = np.asarray(image).astype(np.int64)
    if page.is_inverted:
        values = (1 << page.depth) - 1 - values
    return _of_grey(values, page.depth)


def no_colours(page: TiffPage, span: tuple[float, float] | None) -> str:
    """Return why values are no colours, and from where to where they go."""
    told = f" from {span[0]:.6g} to {span[1]:.6g}" if span else ""
    return NO_COLOURS.format(kind=page.kind, span=told)


def has_no_colours(page: TiffPage) -> bool:
    """Tell whether pixels are of a kind that no decoder here takes for colours."""
    return page.value(FORMAT, 1) == FLOAT or page.depth > 16


def _of_grey(values: npt.NDArray[np.integer], bits: int, *, transparent: int = -1) -> Pixels:
    """Return grey of up to 16 bits, (H, W), as RGB."""
    values = values.astype(np.int64)
    most = (1 << bits) - 1
    grey = ((np.clip(values, 0, most) * 255 + most // 2) // most).astype(np.uint8)
    grey[values == transparent] = 255
    return np.repeat(grey[:, :, None], 3, axis=2)


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    found = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return image if found is None else found
