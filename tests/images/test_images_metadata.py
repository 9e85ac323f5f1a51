"""Orientation from wherever it is, as Pillow's `exif_transpose` has it."""

import io
import struct
import zlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from igcli.images.decode import decode
from igcli.images.options import Limits
from support.damage import chunk, heif, noise, saved, tiff

LIMITS = Limits()
PIXELS = noise(8, 5, 3)
IMAGE = Image.fromarray(PIXELS)
XML = "<x:xmpmeta><rdf:Description tiff:Orientation{}</rdf:Description></x:xmpmeta>"
ALL = range(1, 9)


def by_pillow(data: bytes) -> Any:
    with Image.open(io.BytesIO(data)) as opened:
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def turned(orientation: int, image: Image.Image = IMAGE) -> Any:
    """Return the pixels as Pillow turns them by an ordinary tag."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return by_pillow(saved(image, "PNG", exif=exif))


def camera(kind: int, value: bytes, order: str = "<") -> bytes:
    """Return EXIF data whose orientation has a type and bytes of its own."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    inline = value.ljust(4, b"\0") if len(value) <= 4 else struct.pack(order + "I", 26)
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + inline
    return head + struct.pack(order + "H", 1) + entry + bytes(4) + value


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", ALL)
def test_any_type_of_number(orientation: int, order: str) -> None:
    for kind, form in {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}.items():
        data = saved(IMAGE, "PNG", exif=camera(kind, struct.pack(order + form, orientation), order))
        assert np.array_equal(decode(data, LIMITS), turned(orientation)), kind
    for kind, form in {5: "II", 10: "ii"}.items():
        value = struct.pack(order + form, 2 * orientation, 2)
        data = saved(IMAGE, "PNG", exif=camera(kind, value, order))
        assert np.array_equal(decode(data, LIMITS), turned(orientation)), kind
        assert np.array_equal(by_pillow(data), turned(orientation))


def test_values_that_are_none_turn_nothing() -> None:
    for kind, value in {
        2: b"6\0", 3: struct.pack("<H", 9), 5: struct.pack("<II", 6, 0),
        11: struct.pack("<f", float("nan")), 12: struct.pack("<d", 6.5),
    }.items():  # fmt: skip
        data = saved(IMAGE, "PNG", exif=camera(kind, value))
        assert np.array_equal(decode(data, LIMITS), PIXELS), kind
    assert Fraction(13, 2) == 6.5


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("spelled", ['="{}"/>', ">{}</tiff:Orientation>", "='{}'/>"])
def test_xmp_in_jpeg_png_and_webp(orientation: int, spelled: str) -> None:
    xmp = XML.format(spelled.format(orientation)).encode()
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
    packed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)
    plain = saved(IMAGE, "PNG")
    files = [plain[:33] + chunk(b"iTXt", xmp) + plain[33:] for xmp in (text, packed)]
    files.append(plain[:-12] + chunk(b"iTXt", text) + plain[-12:])
    files.append(saved(IMAGE, "WEBP", lossless=True, xmp=xmp))
    for data in files:
        assert np.array_equal(decode(data, LIMITS), turned(orientation))
        if "'" not in spelled:
            assert np.array_equal(by_pillow(data), turned(orientation))
    data = saved(IMAGE, "JPEG", xmp=xmp)
    assert np.array_equal(decode(data, LIMITS).shape, turned(orientation).shape)
    if "'" not in spelled:
        assert np.array_equal(decode(data, LIMITS), by_pillow(data))


@pytest.mark.parametrize("orientation", ALL)
def test_raw_profiles_of_imagemagick(orientation: int) -> None:
    exif = b"Exif\0\0" + camera(3, struct.pack("<H", orientation))
    digits = "\n".join(exif.hex()[at : at + 72] for at in range(0, 2 * len(exif), 72))
    text = f"\nexif\n{len(exif):8}\n{digits}\n".encode()
    plain = saved(IMAGE, "PNG")
    for kind, content in {b"tEXt": text, b"zTXt": b"\0" + zlib.compress(text)}.items():
        data = plain[:33] + chunk(kind, b"Raw profile type exif\0" + content) + plain[33:]
        assert np.array_equal(decode(data, LIMITS), turned(orientation))
        assert np.array_equal(by_pillow(data), turned(orientation))


def test_exif_comes_before_xmp() -> None:
    xmp = XML.format('="8"/>').encode()
    for exif in (camera(3, struct.pack("<H", 1)), camera(3, struct.pack("<H", 6))):
        data = saved(IMAGE, "JPEG", exif=b"Exif\0\0" + exif, xmp=xmp)
        assert np.array_equal(decode(data, LIMITS), by_pillow(data))


@pytest.mark.parametrize("orientation", ALL)
def test_a_tiff(orientation: int) -> None:
    for options in ({}, {"compression": "tiff_lzw"}, {"big_tiff": True}):
        data = saved(IMAGE, "TIFF", tiffinfo={274: orientation}, **options)
        assert np.array_equal(decode(data, LIMITS), turned(orientation))
    long = tiff(
        (256, 4, 8), (257, 4, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8),
        (274, 4, orientation), (277, 3, 1), (278, 4, 1), (279, 4, 8), data=bytes(range(8)),
    )  # fmt: skip
    row = Image.fromarray(np.arange(8, dtype=np.uint8)[None])
    assert np.array_equal(decode(long, LIMITS), turned(orientation, row.convert("RGB")))


@pytest.mark.parametrize("orientation", ALL)
def test_avif_and_heif_are_turned_once(orientation: int) -> None:
    y, x = np.indices((64, 96)) * 2
    image = Image.fromarray(np.stack([y, x, (x + y) / 2], axis=2).astype(np.uint8))
    exif = b"Exif\0\0" + camera(3, struct.pack("<H", orientation))
    for data in (saved(image, "AVIF", exif=exif, quality=95), heif(image, exif=exif, quality=95)):
        assert (b"irot" in data or b"imir" in data) == (orientation > 1)
        decoded = decode(data, LIMITS).astype(int)
        assert decoded.shape == turned(orientation, image).shape
        assert abs(decoded - turned(orientation, image)).mean() < 3


def test_exif_data_in_a_box_of_a_jpeg_2000() -> None:
    content = b"JpgTiffExif->JP2" + camera(3, struct.pack("<H", 6))
    box = struct.pack(">I4s", 8 + len(content), b"uuid") + content
    plain = saved(IMAGE, "JPEG2000")
    at = plain.index(b"jp2c") - 4
    assert np.array_equal(decode(plain[:at] + box + plain[at:], LIMITS), turned(6))


def test_floods_and_bombs_of_text_turn_nothing() -> None:
    plain = saved(IMAGE, "PNG")
    bomb = b"Raw profile type exif\0\0" + zlib.compress(b"0" * 50_000_000)
    data = plain[:33] + chunk(b"zTXt", bomb) + plain[33:]
    assert np.array_equal(decode(data, LIMITS), PIXELS)
