"""Any kind of pixels as RGB."""

import numpy as np
from PIL import Image

from igcli.records import Pixels


def to_rgb(image: Image.Image) -> Pixels:
    """Return a loaded image as RGB, uint8 (H, W, 3); what is transparent lies over white.

    Values of 16 bits are divided by 257, not cut off.
    """
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    return np.asarray(image.convert("RGB"))


def to_luma(pixels: Pixels) -> Pixels:
    """Return RGB pixels (H, W, 3) as grey ones, uint8 (H, W, 1).

    Source: ITU-R BT.601, as Pillow rounds it and so Keras's `load_img(color_mode="grayscale")`.
    """
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]


def _from_16_bits(image: Image.Image) -> Pixels:
    values = np.asarray(image).astype(np.int64)
    grey = ((np.clip(values, 0, 0xFFFF) + 128) // 257).astype(np.uint8)
    grey[values == image.info.get("transparency", -1)] = 255
    return np.repeat(grey[:, :, None], 3, axis=2)
