"""TIFF, AVIF, HEIF and JPEG 2000: pixels as Pillow, pillow-heif or a hand calculation has them."""

import io
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from igcli.errors import ImageError
from igcli.images.decode import decode
from igcli.images.options import Limits
from igcli.images.sources import Walk
from support.damage import grey_tiff, heif, noise, of_form, saved, tiff

LIMITS = Limits()
ENDINGS = (
    ".jfif", ".jpe", ".pjpeg", ".jpg_large", ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2",
    ".j2k", ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif",
)  # fmt: skip


def smooth() -> Image.Image:
    y, x = np.indices((64, 48)) * 4
    return Image.fromarray(np.stack([y, x, (x + y) / 2], axis=2).astype(np.uint8))


def test_endings_are_walked_in_any_case(tmp_path: Path) -> None:
    for ending in ENDINGS:
        (tmp_path / f"a{ending.upper()}").touch()
    assert len(list(Walk([str(tmp_path)]))) == len(ENDINGS)


@pytest.mark.parametrize("form", ["AVIF", "HEIF", "JPEG2000"])
def test_lossy_formats_are_close(form: str) -> None:
    options: dict[str, Any] = {} if form == "JPEG2000" else {"quality": 95}
    decoded = decode(of_form(smooth(), form, **options), LIMITS)
    assert abs(decoded.astype(int) - np.asarray(smooth())).mean() < 3


@pytest.mark.parametrize("options", [{}, {"no_jp2": True}])
def test_jpeg_2000_is_exact(options: dict[str, Any]) -> None:
    pixels = noise(31, 17, 3)
    assert np.array_equal(
        decode(saved(Image.fromarray(pixels), "JPEG2000", **options), LIMITS), pixels
    )


def test_jpeg_2000_of_grey_and_alpha() -> None:
    values = noise(9, 8).astype(np.uint16) * 257
    decoded = decode(saved(Image.fromarray(values), "JPEG2000"), LIMITS)
    assert np.array_equal(decoded[:, :, 1], noise(9, 8))
    pixels = noise(16, 16, 4)
    decoded = decode(saved(Image.fromarray(pixels), "JPEG2000"), LIMITS)
    colour, alpha = pixels[:, :, :3].astype(float), pixels[:, :, 3:] / 255
    assert abs(decoded - (colour * alpha + 255 * (1 - alpha))).max() <= 1


@pytest.mark.parametrize("form", ["AVIF", "HEIF"])
def test_alpha_lies_over_white(form: str) -> None:
    image = smooth()
    image.putalpha(Image.new("L", image.size, 0))
    assert (decode(of_form(image, form), LIMITS) == 255).all()


def test_only_the_first_picture_is_read() -> None:
    other = Image.new("RGB", (48, 64), "red")
    pictures = pillow_heif.from_pillow(smooth())
    pictures.add_from_pillow(other)
    file = io.BytesIO()
    pictures.save(file, quality=95)
    sequence = saved(smooth(), "AVIF", save_all=True, append_images=[other], quality=95)
    for data in (file.getvalue(), sequence):
        assert abs(decode(data, LIMITS).astype(int) - np.asarray(smooth())).mean() < 3


@pytest.mark.parametrize(
    "compression",
    [None, "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits"],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "CMYK", "LA", "RGBA", "I;16"])
def test_a_tiff_has_the_pixels_that_pillow_reads(mode: str, compression: str | None) -> None:
    if mode == "I;16":
        image = Image.fromarray(noise(31, 17).astype(np.uint16) * 257)
        expected = np.repeat(noise(31, 17)[:, :, None], 3, axis=2)
    else:
        image = Image.fromarray(noise(31, 17, 3)).convert(mode)
        expected = np.asarray(image.convert("RGB"))
    data = saved(image, "TIFF", compression=compression)
    assert np.array_equal(decode(data, LIMITS), expected)


def test_fax_and_jpeg_within_a_tiff() -> None:
    image = Image.fromarray(noise(31, 17)).convert("1")
    decoded = decode(saved(image, "TIFF", compression="group4"), LIMITS)
    assert np.array_equal(decoded, np.asarray(image.convert("RGB")))
    data = saved(smooth(), "TIFF", compression="jpeg", quality=95)
    assert abs(decode(data, LIMITS).astype(int) - np.asarray(smooth())).mean() < 3


def test_palettes_of_eight_bits_within_sixteen_are_not_black() -> None:
    image = Image.fromarray(noise(31, 17, 3)).quantize(16)
    data = bytearray(saved(image, "TIFF"))
    at = data.index(struct.pack("<HHI", 320, 3, 768))
    [place] = struct.unpack_from("<I", data, at + 8)
    colours = np.frombuffer(bytes(data), "<u2", 768, place)
    data[place : place + 1536] = (colours >> 8).astype("<u2").tobytes()
    assert np.array_equal(decode(bytes(data), LIMITS), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("order", ["<", ">"])
def test_grey_of_sixteen_bits_in_a_tiff_is_scaled(order: str) -> None:
    values = np.array([0, 128, 129, 257, 32768, 65000, 65535], np.uint16)
    expected = np.rint(values / 257).astype(np.uint8)
    stored = values.astype(f"{order}u2")
    assert np.array_equal(decode(grey_tiff(stored), LIMITS)[0, :, 0], expected)
    white_is_zero = decode(grey_tiff(stored, (262, 3, 0)), LIMITS)
    assert np.array_equal(white_is_zero[0, :, 0], np.rint((65535 - values.astype(int)) / 257))


def test_rgb_of_sixteen_bits_in_a_tiff() -> None:
    values = (noise(1, 5, 3).astype("<u2") * 257).tobytes()
    tags = [(256, 3, 5), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, 2), (273, 4, 8)]
    data = tiff(*tags, (277, 3, 3), (278, 3, 1), (279, 4, 30), data=values)
    assert np.array_equal(decode(data, LIMITS), noise(1, 5, 3))


def test_twelve_bits_reach_from_black_to_white() -> None:
    # Two numbers of 12 bits in three bytes: 0 and 4095.
    tags = [(256, 3, 2), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    data = tiff(*tags, (277, 3, 1), (278, 3, 1), (279, 4, 3), data=b"\0\x0f\xff")
    assert decode(data, LIMITS)[0, :, 0].tolist() == [0, 255]


def test_lab_in_a_tiff() -> None:
    lab = ImageCms.profileToProfile(
        smooth(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    decoded = decode(saved(lab, "TIFF"), LIMITS)
    assert abs(decoded.astype(int) - np.asarray(smooth())).mean() < 3


def test_the_first_page_of_a_tiff_and_what_the_others_hold_is_not_read() -> None:
    first, second = Image.fromarray(noise(8, 9, 3)), Image.new("RGB", (5000, 5000))
    data = saved(first, "TIFF", save_all=True, append_images=[second], compression="tiff_lzw")
    assert np.array_equal(decode(data, Limits(max_pixels=100)), noise(8, 9, 3))


@pytest.mark.parametrize(
    ("values", "kind", "says"),
    [
        (np.array([-1.5, 0, 3000], "<f4"), 3, r"32-bit float values from -1\.5 to 3000:"),
        (np.array([0.25, np.nan, 1], ">f4"), 3, r"32-bit float values from 0\.25 to 1:"),
        (np.array([0.25, 0.5, np.inf], "<f8"), 3, r"64-bit float values from 0\.25 to 0\.5:"),
        (np.array([1, 2], "<f2"), 3, "16-bit float values from 1 to 2:"),
        (np.array([7, 70_000], "<u4"), 1, "32-bit integer values from 7 to 70000:"),
        (np.array([-7, 7], "<i2"), 2, "16-bit signed integer values from -7 to 7:"),
    ],
)
def test_numbers_that_are_no_colours_are_refused_with_their_range(
    values: "np.ndarray[Any, np.dtype[Any]]", kind: int, says: str
) -> None:
    with pytest.raises(
        ImageError,
        match=f"^a TIFF of {says} the file does not define which of them are black and white",
    ):
        decode(grey_tiff(values, kind=kind), LIMITS)


def test_compressed_floats_are_refused_with_their_range() -> None:
    image = Image.fromarray(np.array([[-2, 0], [1, 8]], np.float32))
    with pytest.raises(ImageError, match="32-bit float values from -2 to 8"):
        decode(saved(image, "TIFF", compression="tiff_deflate"), LIMITS)


def test_kinds_of_tiff_that_are_not_read_are_named() -> None:
    tags = [(256, 3, 1), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    data = tiff(*tags, (277, 3, 2), (278, 3, 1), (279, 4, 4), data=bytes(4))
    with pytest.raises(
        ImageError, match=r"^a TIFF of 2 x 16-bit integer values, which is not supported$"
    ):
        decode(data, LIMITS)


def test_strips_that_would_be_decoded_again_and_again_are_refused() -> None:
    offsets = struct.pack("<I", 8) * 1000
    tags = [(256, 3, 4), (257, 3, 2), (258, 3, 8), (259, 3, 1), (262, 3, 1), (277, 3, 1)]
    data = bytearray(tiff(*tags, (278, 3, 1), (273, 4, 8), data=offsets))
    at = data.index(struct.pack("<HHI", 273, 4, 1))
    data[at + 4 : at + 8] = struct.pack("<I", 1000)
    with pytest.raises(ImageError, match="1,000 strips or tiles instead of 2"):
        decode(bytes(data), LIMITS)


def test_a_tiff_with_fewer_strips_than_rows_is_no_picture_with_a_black_end() -> None:
    data = grey_tiff(np.arange(8, dtype="<u1"), (257, 3, 3))
    with pytest.raises(ImageError, match=r"^truncated"):
        decode(data, LIMITS)


def test_a_count_of_bytes_that_is_too_large_costs_no_image() -> None:
    values = np.arange(8, dtype="<u1")
    assert decode(grey_tiff(values, (279, 4, 1 << 31)), LIMITS)[0, :, 0].tolist() == list(range(8))


def test_what_libtiff_finds_wrong_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(saved(Image.fromarray(noise(64, 64, 3)), "TIFF", compression="tiff_lzw"))
    data[100:3000] = b"\xff" * 2900
    with pytest.raises(ImageError, match="damaged TIFF image"):
        decode(bytes(data), LIMITS)
    assert capfd.readouterr().err == ""


def test_heif_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    data = heif(smooth())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(ImageError, match=r"need an extra: pip install 'igcli\[heif\]'"):
        decode(data, LIMITS)


def test_a_trailer_behind_the_boxes_costs_no_image() -> None:
    for form in ("AVIF", "HEIF"):
        data = of_form(smooth(), form) + b"\0\0\xff\xffSEFHjunk of a phone SEFT"
        assert decode(data, LIMITS).shape == (64, 48, 3)


@pytest.mark.parametrize("name", ["a.png", "a.heic", "a.tif"])
def test_the_content_decides_whatever_the_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(saved(Image.fromarray(noise(3, 4, 3)), "JPEG2000"))
    [source] = Walk([str(tmp_path)])
    assert np.array_equal(decode(Path(source.path).read_bytes(), LIMITS), noise(3, 4, 3))


def test_pillow_that_knows_no_avif_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(smooth(), "AVIF")
    monkeypatch.setattr("PIL.AvifImagePlugin.SUPPORTED", False)
    with pytest.raises(ImageError, match=r"^AVIF images are not supported by the installed Pillow"):
        decode(data, LIMITS)
