"""Damaged and hostile image files, the same in every run."""

import io
import random
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image

from igcli.records import Pixels

PNG = b"\x89PNG\r\n\x1a\n"


def noise(*shape: int) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, shape, np.uint8)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def heif(image: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    pillow_heif.from_pillow(image).save(file, **options)
    return file.getvalue()


def of_form(image: Image.Image, form: str, **options: Any) -> bytes:
    """Encode an image in a format, HEIF by pillow-heif and others by Pillow."""
    return heif(image, **options) if form == "HEIF" else saved(image, form, **options)


def tiff(*tags: tuple[int, int, int], order: str = "<", data: bytes = b"") -> bytes:
    """Return a TIFF built from the tag, type and value of each entry; data start at byte 8."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8 + len(data))
    entries = b"".join(
        struct.pack(
            order + ("HHIHH" if kind == 3 else "HHII"), tag, kind, 1, value, *[0] * (kind == 3)
        )
        for tag, kind, value in tags
    )
    return head + data + struct.pack(order + "H", len(tags)) + entries + bytes(4)


def grey_tiff(
    values: "np.ndarray[Any, np.dtype[Any]]", *more: tuple[int, int, int], kind: int = 1
) -> bytes:
    """Return a TIFF of one row of numbers, black at zero; `kind` is its sample format."""
    order = ">" if values.dtype.byteorder == ">" else "<"
    tags = {256: 4, 257: 3, 258: 3, 259: 3, 262: 3, 273: 4, 277: 3, 278: 3, 279: 4, 339: 3}
    sizes = (len(values), 1, values.dtype.itemsize * 8, 1, 1, 8, 1, 1, values.nbytes, kind)
    entries = {tag: (tag, t, size) for (tag, t), size in zip(tags.items(), sizes, strict=True)}
    entries |= {tag[0]: tag for tag in more}
    return tiff(*(entries[tag] for tag in sorted(entries)), order=order, data=values.tobytes())


def _claiming(data: bytes, width: int, height: int) -> bytes:
    """Return an AVIF or HEIF with a false size."""
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ihdr(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


TALL_GIF_FRAME = b"!\xf9\4\x08\0\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\x02\0;"
BOMBS = {
    "png": PNG + ihdr(30_000, 30_000) + chunk(b"IDAT", b"") + chunk(b"IEND", b""),
    "jpeg": b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\3\1\x11\0\2\x11\0\3\x11\0"
    b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0?\0",
    "gif screen": b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\1\0\1\0\0\x02\0;",
    "gif frame": b"GIF89a\1\0\1\0\0\0\0" + TALL_GIF_FRAME,
    "gif frame behind an odd block": b"GIF89a\1\0\1\0\0\0\0!\xff\0" + TALL_GIF_FRAME,
    "webp": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\0\xff\xff\0" + b"\0" * 8,
    "webp lossless": b"RIFF\x1e\0\0\0WEBPVP8L\x12\0\0\0\x2f\xff\xff\xff\x0f" + b"\0" * 13,
    "webp lossy": b"RIFF\x1e\0\0\0WEBPVP8 \x12\0\0\0\x10\0\0\x9d\1\x2a\xff\x3f\xff\x3f" + b"\0" * 8,
    "bmp": b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"
    + struct.pack("<iiHH", 40_000, 40_000, 1, 24)
    + b"\0" * 24,
    "tiff": tiff((256, 4, 40_000), (257, 4, 40_000), (258, 3, 8), (273, 4, 8), (279, 4, 8)),
    "tiff tile": tiff(
        (256, 3, 8), (257, 3, 8), (322, 4, 65_536), (323, 4, 65_536), (324, 4, 8), (325, 4, 8)
    ),
    "jpeg 2000": b"\xff\x4f\xff\x51\0\x29\0\0"
    + struct.pack(">8I", 60_000, 60_000, *[0] * 6)
    + b"\0\1\7\1\1\xff\xd9",
    "avif": _claiming(saved(Image.new("RGB", (8, 8)), "AVIF"), 60_000, 60_000),
    "heif": _claiming(heif(Image.new("RGB", (8, 8))), 60_000, 60_000),
}


PNG_HEAD = BOMBS["png"][:33]
"""Header of an image that is too large to decode."""


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Flip bits, overwrite, cut, repeat or drop a piece; small changes are the most frequent."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(changed))
        piece = changed[at : at + rng.choice((1, 2, 4, 16, 200))]
        match rng.randrange(6):
            case 0 | 1:
                changed[at] ^= 1 << rng.randrange(8)
            case 2:
                changed[at : at + len(piece)] = rng.randbytes(len(piece))
            case 3:
                changed[at:at] = piece
            case 4:
                del changed[at : at + len(piece)]
            case 5:
                changed[at : at + len(piece)] = rng.choice((b"\0", b"\xff")) * len(piece)
        if len(changed) < 2:
            return data
    return bytes(changed)


def seeds() -> list[bytes]:
    """Return small files of every format, also with features beyond plain pixels."""
    colours = Image.fromarray(noise(24, 16, 3))
    alpha = Image.fromarray(noise(24, 16, 4))
    frames = {"save_all": True, "append_images": [Image.fromarray(noise(24, 16, 3)[::-1])]}
    camera = {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0"}
    return [
        saved(colours, "JPEG", **camera),
        saved(colours, "JPEG", progressive=True, quality=30),
        saved(colours.convert("CMYK"), "JPEG"),
        saved(colours, "PNG", **camera),
        saved(alpha, "PNG"),
        saved(Image.fromarray(noise(24, 16).astype(np.uint16) * 257), "PNG"),
        saved(colours.quantize(16), "PNG", bits=4),
        saved(colours, "PNG", **frames),
        saved(colours, "WEBP", **camera),
        saved(alpha, "WEBP", lossless=True),
        saved(colours, "WEBP", **frames),
        saved(colours, "BMP"),
        saved(colours.quantize(16), "BMP"),
        saved(colours, "TIFF", tiffinfo={274: 6}, save_all=True, append_images=[colours]),
        saved(colours, "TIFF", compression="tiff_lzw"),
        saved(colours, "TIFF", compression="jpeg", big_tiff=True),
        saved(Image.fromarray(noise(24, 16).astype(np.uint16) * 257), "TIFF"),
        saved(colours.quantize(16), "TIFF", compression="tiff_deflate"),
        saved(colours, "AVIF", **camera),
        heif(colours, **camera),
        saved(colours, "JPEG2000"),
        saved(colours, "JPEG2000", no_jp2=True),
        saved(colours, "GIF", **frames, disposal=2, transparency=1),
    ]
