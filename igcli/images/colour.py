"""Converts pixels of any kind to RGB, and colours of an ICC profile to sRGB."""

import functools
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from igcli.errors import ImageError
from igcli.images.tiff import FLOAT, FORMAT, TiffPage
from igcli.records import Pixels

TRANSPARENT = ("RGBA", "LA", "PA", "RGBa", "La")
NO_COLOURS = (
    "a TIFF of {kind} values{span}: the file does not define which of them are black and white; "
    "save it with 8 or 16 bits"
)


def to_rgb(image: Image.Image) -> Pixels:
    """Return a loaded image as RGB, uint8 (H, W, 3); transparent parts are blended with white.

    Values of 16 bits are divided by 257, not truncated.
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
    """Convert RGB pixels (H, W, 3) to grey ones, uint8 (H, W, 1).

    Source: ITU-R BT.601, as Pillow rounds it and so Keras's `load_img(color_mode="grayscale")`.
    """
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


def of_tiff(image: Image.Image, page: TiffPage) -> Pixels:
    """Return a loaded TIFF as RGB, like `to_rgb`.

    Raises:
        ImageError: The values are not colours of 8 or 16 bits.
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
    """Return the error message for values that are no colours, with their range."""
    span_text = f" from {span[0]:.6g} to {span[1]:.6g}" if span else ""
    return NO_COLOURS.format(kind=page.kind, span=span_text)


def has_no_colours(page: TiffPage) -> bool:
    """Return whether pixels are of a kind that cannot be interpreted as colours."""
    return page.value(FORMAT, 1) == FLOAT or page.depth > 16


def _of_grey(values: npt.NDArray[np.integer], bits: int, *, transparent: int = -1) -> Pixels:
    """Convert grey values of up to 16 bits, (H, W), to RGB."""
    values = values.astype(np.int64)
    white = (1 << bits) - 1
    grey = ((np.clip(values, 0, white) * 255 + white // 2) // white).astype(np.uint8)
    grey[values == transparent] = 255
    return np.repeat(grey[:, :, None], 3, axis=2)


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    return image if converted is None else converted


SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Pillow's modes by the colour space of a profile."""

SRGB_TOLERANCE = 3
"""Maximum difference, of 255, from sRGB: the sRGB profiles of many programs round differently."""

MAX_NAME = 60
UNREADABLE = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A colour profile that can be converted to sRGB.

    Attributes:
        name: The name in the profile.
        mode: Pillow's mode of the images that it applies to.
        transform: Transform to sRGB.
        is_srgb: Whether it is sRGB, which is assumed for images without a profile.
    """

    name: str
    mode: str
    transform: ImageCms.ImageCmsTransform
    is_srgb: bool


def profile_in(icc: bytes, mode: str) -> Profile | None:
    """Return the profile of an image, None if it has no usable one.

    Args:
        icc: ICC profile in the file, empty for none.
        mode: Pillow's mode of the image.
    """
    profile = _read(icc) if icc else None
    base = {"CMYK": "CMYK", "L": "L", "LA": "L", "La": "L", "1": "L"}.get(mode, "RGB")
    base = "L" if mode.startswith("I") else base
    return profile if profile is not None and profile.mode == base else None


def to_srgb(image: Image.Image, pixels: Pixels, profile: Profile) -> Pixels:
    """Return an image's colours in sRGB, uint8 (H, W, 3).

    Args:
        image: The loaded image.
        pixels: Its pixels as RGB, uint8 (H, W, 3), regardless of the profile.
        profile: Its profile.
    """
    if profile.mode == "CMYK":
        source = image
    else:
        source = Image.fromarray(pixels if profile.mode == "RGB" else pixels[:, :, 0])
    return np.asarray(_converted(source, profile.transform))


def _converted(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    converted = ImageCms.applyTransform(image, transform)
    return image if converted is None else converted


@functools.lru_cache(maxsize=32)
def _read(icc: bytes) -> Profile | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        mode = SPACES[profile.profile.xcolor_space]
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent(ImageCms.getDefaultIntent(profile)),
        )
        name = " ".join(ImageCms.getProfileDescription(profile).split())[:MAX_NAME]
    except (KeyError, *UNREADABLE):
        return None
    return Profile(name or "without a name", mode, transform, _is_srgb(mode, transform))


def _is_srgb(mode: str, transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether a transform leaves ramps of each colour and of grey unchanged."""
    if mode == "CMYK":
        return False
    ramp = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.zeros((7, len(ramp), 3), np.uint8)
    for row in range(1, 8):
        colours[row - 1] = ramp[:, None] * [row & 1, row >> 1 & 1, row >> 2]
    if mode == "L":
        colours = colours[6:]
    ramps = Image.fromarray(colours if mode == "RGB" else colours[:, :, 0])
    gap = np.asarray(_converted(ramps, transform)).astype(int) - colours
    return bool(np.abs(gap).max() <= SRGB_TOLERANCE)
