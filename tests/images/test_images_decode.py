import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from igcli.images.decode import decode
from igcli.images.options import Limits
from support.damage import chunk, noise, saved

LIMITS = Limits()
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


def png(
    width: int, height: int, *, bits: int, colour: int, rows: bytes, extra: bytes = b""
) -> bytes:
    """A PNG made by hand; `rows` without their filter bytes."""
    step = len(rows) // height
    lines = b"".join(b"\0" + rows[at : at + step] for at in range(0, len(rows), step or 1))
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(lines))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "BMP", "WEBP"])
def test_lossless_rgb_is_exact(form: str) -> None:
    pixels = noise(31, 17, 3)
    options = {"lossless": True} if form == "WEBP" else {}
    decoded = decode(saved(Image.fromarray(pixels), form, **options), LIMITS)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, pixels)


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_are_close(form: str) -> None:
    y, x = np.indices((64, 48)) * 4
    pixels = np.stack([y, x, (x + y) / 2], axis=2).astype(np.uint8)
    decoded = decode(saved(Image.fromarray(pixels), form, quality=95), LIMITS)
    assert abs(decoded.astype(int) - pixels).mean() < 3


def test_the_first_frame_of_a_gif() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], disposal=2)
    assert np.array_equal(decode(data, LIMITS), np.broadcast_to([255, 0, 0], (10, 20, 3)))


def test_the_picture_of_an_animated_png_and_webp() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("#ff0000", "#00ff00")]
    for form in ("PNG", "WEBP"):
        options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
        data = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
        assert np.array_equal(decode(data, LIMITS), np.broadcast_to([255, 0, 0], (10, 20, 3)))


@pytest.mark.parametrize("form", FORMATS)
def test_grey_becomes_rgb(form: str) -> None:
    data = saved(Image.new("L", (8, 4), 77), form)
    assert abs(decode(data, LIMITS).astype(int) - 77).max() <= (
        1 if form in ("JPEG", "WEBP") else 0
    )


def test_one_bit_images() -> None:
    decoded = decode(png(2, 1, bits=1, colour=0, rows=b"\x40"), LIMITS)
    assert decoded.tolist() == [[[0, 0, 0], [255, 255, 255]]]


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    values = np.array([0, 128, 129, 257, 65000, 32768, 65279, 65535], np.uint16)
    rows = values.astype(">u2").tobytes()
    expected = np.rint(values / 257).astype(np.uint8)
    grey = decode(png(8, 1, bits=16, colour=0, rows=rows), LIMITS)
    assert np.array_equal(grey, np.repeat(expected[None, :, None], 3, axis=2))
    colour = decode(png(2, 1, bits=16, colour=2, rows=rows[:12]), LIMITS)
    assert abs(colour.reshape(-1).astype(int) - expected[:6]).max() <= 1


def test_a_transparent_value_of_sixteen_bits_is_white() -> None:
    extra = chunk(b"tRNS", struct.pack(">H", 300))
    rows = struct.pack(">3H", 300, 301, 257)
    decoded = decode(png(3, 1, bits=16, colour=0, rows=rows, extra=extra), LIMITS)
    assert decoded[0, :, 0].tolist() == [255, 1, 1]


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_alpha_lies_over_white(form: str) -> None:
    pixels = noise(16, 16, 4)
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    decoded = decode(saved(Image.fromarray(pixels), form, **options), LIMITS)
    colour, alpha = pixels[:, :, :3].astype(float), pixels[:, :, 3:] / 255
    assert abs(decoded - (colour * alpha + 255 * (1 - alpha))).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_with_alpha_lies_over_white(bits: int) -> None:
    rows = np.array([0, 255, 0, 0, 0, 51]) * (1 if bits == 8 else 257)
    data = png(3, 1, bits=bits, colour=4, rows=rows.astype(f">u{bits // 8}").tobytes())
    assert decode(data, LIMITS).tolist() == [[[0] * 3, [255] * 3, [204] * 3]]


def test_transparent_colours_of_palettes_and_keys_are_white() -> None:
    palette = chunk(b"PLTE", bytes([9, 8, 7, 1, 2, 3]))
    partly = decode(
        png(2, 1, bits=8, colour=3, rows=b"\0\1", extra=palette + chunk(b"tRNS", b"\0")), LIMITS
    )
    assert partly.tolist() == [[[255, 255, 255], [1, 2, 3]]]
    key = chunk(b"tRNS", struct.pack(">3H", 9, 8, 7))
    keyed = decode(png(2, 1, bits=8, colour=2, rows=bytes([9, 8, 7, 9, 8, 6]), extra=key), LIMITS)
    assert keyed.tolist() == [[[255, 255, 255], [9, 8, 6]]]
    grey_key = chunk(b"tRNS", struct.pack(">H", 5))
    grey = decode(png(2, 1, bits=8, colour=0, rows=b"\5\6", extra=grey_key), LIMITS)
    assert grey[0, :, 0].tolist() == [255, 6]


def test_the_transparent_colour_of_a_gif_is_white() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((0, 0), 0)
    decoded = decode(saved(image, "GIF", transparency=0, disposal=2), LIMITS)
    assert decoded[0, :2].tolist() == [[255, 255, 255], [40, 50, 60]]


def test_cmyk_becomes_rgb() -> None:
    pixels = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    decoded = decode(saved(pixels, "JPEG", quality=100), LIMITS)
    assert abs(decoded.astype(int) - [255, 0, 0]).max() <= 2


def exif(orientation: int, order: str = "<") -> bytes:
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    entries = struct.pack(order + "HHIHH", 0x010F, 3, 1, 9, 0)
    entries += struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return head + struct.pack(order + "H", 2) + entries + struct.pack(order + "I", 0)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(10))
def test_orientation_is_applied_as_pillow_does(orientation: int, order: str) -> None:
    image = Image.fromarray(noise(8, 5, 3))
    for form in ("PNG", "WEBP"):
        options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
        data = saved(image, form, exif=exif(orientation, order), **options)
        with Image.open(io.BytesIO(data)) as opened:
            expected = np.asarray(ImageOps.exif_transpose(opened))
        assert np.array_equal(decode(data, LIMITS), expected)


def test_orientation_of_a_jpeg_and_of_exif_data_after_the_pixels() -> None:
    image = Image.new("RGB", (24, 8), "#203040")
    camera = saved(image, "JPEG", exif=b"Exif\0\0" + exif(6))
    assert decode(camera, LIMITS).shape == (24, 8, 3)
    plain = saved(image, "PNG")
    late = plain[:-12] + chunk(b"eXIf", exif(6)) + plain[-12:]
    assert decode(late, LIMITS).shape == (24, 8, 3)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_data_turn_nothing_and_warn_of_nothing(form: str) -> None:
    whole = exif(6)
    image = Image.new("RGB", (24, 8))
    broken = [whole[:n] for n in range(9, len(whole) - 4, 3)]
    broken += [b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense"]
    for data in broken:
        shape = decode(saved(image, form, exif=b"Exif\0\0" + data), LIMITS).shape
        assert shape in ((8, 24, 3), (24, 8, 3))


def test_broken_comments_and_profiles_cost_no_image() -> None:
    jpeg = saved(Image.new("RGB", (8, 8)), "JPEG")
    for marker in (0xE2, 0xED, 0xFE):
        segment = (
            bytes([0xFF, marker])
            + struct.pack(">H", 20)
            + b"MPF\0II*\0\xff\xff\xff\xff"
            + b"\0" * 6
        )
        assert decode(jpeg[:2] + segment + jpeg[2:], LIMITS).shape == (8, 8, 3)
    bad_text = chunk(b"zTXt", b"a\0\0" + zlib.compress(b"x" * 10_000_000))
    bad_animation = chunk(b"acTL", b"\0" * 8)
    data = png(1, 1, bits=8, colour=0, rows=b"\7", extra=bad_text + bad_animation)
    assert decode(data, LIMITS).tolist() == [[[7, 7, 7]]]
