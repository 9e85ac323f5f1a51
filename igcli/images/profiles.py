"""Colour profiles: what the numbers of an image mean, and the same colours in sRGB."""

import functools
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageCms

from igcli.records import Pixels

SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""Modes of Pillow by the colour spaces of profiles."""

LARGEST_STEP = 3
"""Difference, of 255, up to which a profile is sRGB's: those of many programs round differently."""

MOST_NAME = 60
UNREADABLE = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile that can be converted from.

    Attributes:
        name: As it calls itself.
        mode: Of the images that it is for.
        transform: To sRGB.
        is_srgb: Whether it says what is assumed of images without one.
    """

    name: str
    mode: str
    transform: ImageCms.ImageCmsTransform
    is_srgb: bool


def profile_in(icc: bytes, mode: str) -> Profile | None:
    """Return the profile of an image, None where it has none that can be used.

    Args:
        icc: As the file has it, or nothing.
        mode: Of the image, as Pillow has it.
    """
    found = _read(icc) if icc else None
    base = {"CMYK": "CMYK", "L": "L", "LA": "L", "La": "L", "1": "L"}.get(mode, "RGB")
    base = "L" if mode.startswith("I") else base
    return found if found is not None and found.mode == base else None


def to_srgb(image: Image.Image, pixels: Pixels, profile: Profile) -> Pixels:
    """Return an image's colours in sRGB, uint8 (H, W, 3).

    Args:
        image: Loaded.
        pixels: The same as RGB, uint8 (H, W, 3), without its profile.
        profile: Of the image.
    """
    if profile.mode == "CMYK":
        source = image
    else:
        source = Image.fromarray(pixels if profile.mode == "RGB" else pixels[:, :, 0])
    return np.asarray(_converted(source, profile.transform))


def _converted(image: Image.Image, transform: ImageCms.ImageCmsTransform) -> Image.Image:
    found = ImageCms.applyTransform(image, transform)
    return image if found is None else found


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
        name = " ".join(ImageCms.getProfileDescription(profile).split())[:MOST_NAME]
    except (KeyError, *UNREADABLE):
        return None
    return Profile(name or "without a name", mode, transform, _is_srgb(mode, transform))


def _is_srgb(mode: str, transform: ImageCms.ImageCmsTransform) -> bool:
    """Tell whether a transform leaves colours as they are: a ramp of each, and of grey."""
    if mode == "CMYK":
        return False
    ramp = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.zeros((7, len(ramp), 3), np.uint8)
    for row in range(1, 8):
        colours[row - 1] = ramp[:, None] * [row & 1, row >> 1 & 1, row >> 2]
    if mode == "L":
        colours = colours[6:]
    given = Image.fromarray(colours if mode == "RGB" else colours[:, :, 0])
    gap = np.asarray(_converted(given, transform)).astype(int) - colours
    return bool(np.abs(gap).max() <= LARGEST_STEP)
