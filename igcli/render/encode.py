"""Pictures as the bytes of image files."""

from io import BytesIO
from typing import Literal

from PIL import Image

from igcli.records import Pixels


def encode_image(picture: Pixels, *, format: Literal["jpg", "png"], quality: int) -> bytes:  # noqa: A002
    """Return `picture`, uint8 (H, W, 3), as a JPEG or PNG file.

    JPEGs keep full colour resolution: halved, the marks of single pixels would smear.
    """
    file = BytesIO()
    if format == "jpg":
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:4:4")
    else:
        Image.fromarray(picture).save(file, "PNG", compress_level=4)
    return file.getvalue()
