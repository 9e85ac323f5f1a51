"""Masks in the forms in which other people's tools write them."""

import io
import random
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw

from igcli.errors import ImageError
from igcli.images.decode import decode, upright_size
from igcli.images.mask import decode_mask
from igcli.images.options import Limits
from igcli.records import Pixels
from support.damage import BOMBS, mutated, saved, seeds

LIMITS = Limits()
HEIGHT, WIDTH = 48, 64
Flags = npt.NDArray[np.bool_]


def disk() -> Flags:
    rows, columns = np.indices((HEIGHT, WIDTH))
    inside: Flags = (rows - 20) ** 2 + (columns - 40) ** 2 < 15**2
    inside[40:, :10] = True  # So that turned and mirrored masks differ.
    return inside


def object_in(data: bytes) -> Flags:
    mask = decode_mask(data, LIMITS)
    inside: Flags = mask[:, :, 0] == 1
    assert mask.dtype == np.uint8
    assert mask.shape[2] == 1
    assert {*np.unique(mask).tolist()} <= {0, 1}
    return inside


def voc_palette() -> list[int]:
    """The colours of PASCAL VOC, as its development kit makes them: bits of the index in turn."""
    colours = []
    for index in range(256):
        red = green = blue = 0
        for bit in range(8):
            red |= (index >> (3 * bit) & 1) << (7 - bit)
            green |= (index >> (3 * bit + 1) & 1) << (7 - bit)
            blue |= (index >> (3 * bit + 2) & 1) << (7 - bit)
        colours += [red, green, blue]
    return colours


def grey(inside: Flags, value: int, kind: type[np.generic] = np.uint8) -> Image.Image:
    return Image.fromarray(inside.astype(kind) * kind(value))


def paletted(indices: Pixels, colours: list[int]) -> Image.Image:
    image = Image.fromarray(indices, "P")
    image.putpalette(colours)
    return image


def test_the_palette_of_voc_with_its_ignored_border() -> None:
    indices = disk().astype(np.uint8) * 15  # person: (192, 128, 128)
    image = paletted(indices, voc_palette())
    ImageDraw.Draw(image).rectangle((5, 5, 20, 12), outline=255, fill=12)
    drawn = np.asarray(image)
    assert voc_palette()[-3:] == [224, 224, 192]
    found = object_in(saved(image, "PNG"))
    np.testing.assert_array_equal(found, (drawn == 15) | (drawn == 12))


@pytest.mark.parametrize("value", [1, 2, 17, 255])
@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF"])
def test_grey_of_any_value(form: str, value: int) -> None:
    np.testing.assert_array_equal(object_in(saved(grey(disk(), value), form)), disk())


@pytest.mark.parametrize("value", [1, 40_000, 65_535])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits(form: str, value: int) -> None:
    np.testing.assert_array_equal(object_in(saved(grey(disk(), value, np.uint16), form)), disk())


def test_a_tiff_of_sixteen_bits_whose_zero_is_white() -> None:
    values = np.where(disk(), 0, 65_535).astype("<u2")
    tags = [
        (256, WIDTH), (257, HEIGHT), (258, 16), (259, 1), (262, 0), (273, 8), (277, 1),
        (278, HEIGHT), (279, values.nbytes),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    start = struct.pack("<2sHI", b"II", 42, 8 + values.nbytes)
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    np.testing.assert_array_equal(object_in(start + values.tobytes() + directory), disk())


def test_one_bit() -> None:
    image = grey(disk(), 255).convert("1")
    for form in ("PNG", "TIFF", "BMP"):
        np.testing.assert_array_equal(object_in(saved(image, form)), disk())


@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 60}),
        ("WEBP", {"quality": 60}),
        ("JPEG2000", {"quality_mode": "rates", "quality_layers": [8]}),
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_lossy_black_and_white(form: str, options: dict[str, Any], mode: str) -> None:
    image = grey(disk(), 255).convert(mode)
    data = saved(image, form, **options)
    values = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    assert ((values > 0) & (values < 128)).any()  # Black has become noisy.
    assert (object_in(data) ^ disk()).mean() < 0.005


def test_lossless_webp_with_labels() -> None:
    data = saved(grey(disk(), 1).convert("RGB"), "WEBP", lossless=True)
    np.testing.assert_array_equal(object_in(data), disk())


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_nothing_is_marked_in_black(form: str) -> None:
    assert not object_in(saved(Image.new("L", (20, 10)), form)).any()
    assert object_in(saved(Image.new("L", (20, 10), 255), form)).all()


def test_colours_of_instances() -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)  # As CVAT: black behind coloured instances.
    pixels[disk()] = (0, 0, 128)
    pixels[2:6, 2:9] = (1, 0, 0)
    expected = disk()
    expected[2:6, 2:9] = True
    np.testing.assert_array_equal(object_in(saved(Image.fromarray(pixels), "PNG")), expected)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_cut_out_object(mode: str) -> None:
    image = Image.effect_noise((WIDTH, HEIGHT), 80).convert(mode)  # As GIMP exports a selection.
    alpha = np.where(disk(), 255, 0).astype(np.uint8)
    alpha[0, 0], alpha[0, 1] = 127, 128  # Half transparent at a smooth edge.
    image.putalpha(Image.fromarray(alpha))
    expected = disk()
    expected[0, 1] = True
    np.testing.assert_array_equal(object_in(saved(image, "PNG")), expected)


@pytest.mark.parametrize("alpha", [0, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_that_is_the_same_everywhere_says_nothing(mode: str, alpha: int) -> None:
    image = grey(disk(), 255).convert(mode)
    image.putalpha(alpha)
    np.testing.assert_array_equal(object_in(saved(image, "PNG")), disk())


def test_a_transparent_index() -> None:
    indices = np.where(disk(), 0, 3).astype(np.uint8)
    image = paletted(indices, [0, 0, 0, 9, 9, 9, 99, 99, 99, 255, 0, 0])
    for form in ("PNG", "GIF"):
        np.testing.assert_array_equal(object_in(saved(image, form, transparency=3)), disk())


@pytest.mark.parametrize("form", ["PNG", "GIF", "TIFF"])
@pytest.mark.parametrize(
    ("background", "inside", "colours"),
    [
        (0, 1, [0, 0, 0, 255, 255, 255]),
        (1, 0, [255, 255, 255, 0, 0, 0]),  # Sorted by brightness, as image editors do.
        (7, 200, [0, 0, 255] * 7 + [0, 0, 0] + [0, 255, 0] * 248),
        (0, 2, [120, 120, 120, 180, 120, 120, 6, 230, 230]),  # Without any black.
        (0, 3, [0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 0]),  # A label that is black too.
    ],
)
def test_palettes(form: str, background: int, inside: int, colours: list[int]) -> None:
    image = paletted(np.where(disk(), inside, background).astype(np.uint8), colours)
    np.testing.assert_array_equal(object_in(saved(image, form)), disk())


def test_index_255_is_a_border_only_in_the_palette_of_voc() -> None:
    indices = np.where(disk(), 255, 0).astype(np.uint8)
    ramp = [value for index in range(256) for value in (index, index, index)]
    np.testing.assert_array_equal(object_in(saved(paletted(indices, ramp), "PNG")), disk())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_masks_are_turned_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    turns = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: a.T, 6: lambda a: np.rot90(a, 3), 7: lambda a: np.rot90(a, 2).T,
        8: lambda a: np.rot90(a),
    }  # fmt: skip
    data = saved(grey(disk(), 255), "PNG", exif=exif)
    np.testing.assert_array_equal(object_in(data), turns[orientation](disk()))


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int32, np.float32, np.float64])
def test_arrays_of_numpy(kind: type[np.generic]) -> None:
    for array in (disk().astype(kind), disk().astype(kind)[:, :, None]):
        for ordered in (array, np.asfortranarray(array)):
            file = io.BytesIO()
            np.save(file, ordered)
            np.testing.assert_array_equal(object_in(file.getvalue()), disk())


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((3, 4, 5)), "shape"),
        (np.zeros(5), "shape"),
        (np.zeros((0, 4)), "shape"),
        (np.array([["a"]]), "not of numbers"),
        (np.array([[1.0, np.nan]]), "not finite"),
        (np.array([[{}]]), "Python objects, not of numbers"),
    ],
)
def test_arrays_that_are_no_masks(array: Any, reason: str) -> None:
    file = io.BytesIO()
    np.save(file, array)
    with pytest.raises(ImageError, match=reason):
        decode_mask(file.getvalue(), LIMITS)


def test_arrays_that_are_cut_off_or_lie_about_their_size() -> None:
    file = io.BytesIO()
    np.save(file, disk())
    data = file.getvalue()
    for size in (6, 9, 100, len(data) - 1):
        with pytest.raises(ImageError, match="damaged NumPy array"):
            decode_mask(data[:size], LIMITS)
    huge = data.replace(b"(48, 64), }         ", b"(99999999, 9999999)}")
    assert huge != data
    with pytest.raises(ImageError, match="damaged NumPy array"):
        decode_mask(huge, LIMITS)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    with pytest.raises(ImageError):
        decode_mask(BOMBS[name], LIMITS)


def test_damage_and_limits_are_those_of_images() -> None:
    data = saved(grey(disk(), 255), "PNG")
    with pytest.raises(ImageError, match="truncated"):
        decode_mask(data[: len(data) // 2], LIMITS)
    with pytest.raises(ImageError, match="the limit is 100 pixels"):
        decode_mask(data, Limits(max_pixels=100))
    with pytest.raises(ImageError, match="not an image"):
        decode_mask(b'{"shapes": []}', LIMITS)


def test_mutated_masks_are_decoded_or_refused() -> None:
    files, rng = seeds(), random.Random(3)
    array = io.BytesIO()
    np.save(array, disk())
    files += [array.getvalue()] * len(files)
    outcomes = []
    for number in range(1000):
        try:
            mask = decode_mask(mutated(files[number % len(files)], rng), LIMITS)
            assert mask.max() <= 1
            outcomes.append("")
        except ImageError as error:
            outcomes.append(str(error))
    assert not any("\n" in reason for reason in outcomes)
    assert 100 < outcomes.count("") < 900


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP", "AVIF", "JPEG2000"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_upright_size_is_known_without_decoding(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = saved(grey(disk(), 255), form, **({} if form in ("GIF", "BMP") else {"exif": exif}))
    assert upright_size(data, LIMITS) == decode(data, LIMITS).shape[:2]
    if form in ("JPEG", "PNG", "TIFF", "WEBP"):
        assert (upright_size(data, LIMITS) == (WIDTH, HEIGHT)) == (orientation in (6, 8))
