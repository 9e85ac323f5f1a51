"""Colour profiles: the values of closed formulas, whatever file a profile lies in."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from igcli.images.decode import decode, decode_whole
from igcli.images.options import Limits
from support import profiles
from support.damage import heif, noise, saved

IGNORED, CONVERTED = Limits(), Limits(icc="srgb")
P3 = profiles.rgb("Display P3", profiles.P3)
ADOBE = profiles.rgb("Adobe RGB (1998)", profiles.ADOBE, profiles.ADOBE_CURVE)
SRGB = profiles.rgb("sRGB IEC61966-2.1", profiles.SRGB)
PIXELS = noise(8, 9, 3)
IMAGE = Image.fromarray(PIXELS)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_profiles_are_ignored_unless_asked_for(form: str) -> None:
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    data = saved(IMAGE, form, icc_profile=P3, **options)
    assert np.array_equal(decode(data, IGNORED), PIXELS)
    expected = profiles.srgb_of(PIXELS, profiles.P3)
    assert abs(decode(data, CONVERTED) - expected).max() <= 2
    assert abs(expected - PIXELS).max() > 20
    for limits in (IGNORED, CONVERTED):
        assert decode_whole(data, limits).profile == "Display P3"


def test_adobe_rgb() -> None:
    data = saved(IMAGE, "PNG", icc_profile=ADOBE)
    expected = profiles.srgb_of(PIXELS, profiles.ADOBE, 2.19921875)
    assert abs(decode(data, CONVERTED) - expected).max() <= 2
    assert decode_whole(data, IGNORED).profile == "Adobe RGB (1998)"


@pytest.mark.parametrize("form", ["JPEG", "AVIF", "HEIF", "JPEG2000"])
def test_other_files_hold_profiles_too(form: str) -> None:
    image = Image.new("RGB", (64, 64), (40, 200, 90))
    options: dict[str, Any] = {} if form == "JPEG2000" else {"quality": 95}
    if form == "HEIF":
        data = heif(image, icc_profile=P3, icc_profile_type="prof", **options)
    elif form == "JPEG2000":
        data = saved(image, form)
        box = bytes([99, 111, 108, 114, 2, 0, 0]) + P3
        at = data.index(b"jp2h") - 4
        size = int.from_bytes(data[at : at + 4])
        box = (len(box) + 4).to_bytes(4) + box
        head = (size + len(box)).to_bytes(4) + data[at + 4 : at + size] + box
        data = data[:at] + head + data[at + size :]
    else:
        data = saved(image, form, icc_profile=P3, **options)
    expected = profiles.srgb_of(np.array([40, 200, 90], np.uint8), profiles.P3)
    assert abs(decode(data, CONVERTED) - expected).max() <= 6
    assert abs(decode(data, IGNORED).astype(int) - [40, 200, 90]).max() <= 4
    assert decode_whole(data, IGNORED).profile == "Display P3"


def test_a_profile_in_several_segments_of_a_jpeg() -> None:
    large = profiles.rgb("Display P3" + " " * 60_000, profiles.P3)
    data = saved(Image.new("RGB", (16, 16), (40, 200, 90)), "JPEG", quality=95, icc_profile=large)
    assert data.count(b"ICC_PROFILE\0") > 1
    expected = profiles.srgb_of(np.array([40, 200, 90], np.uint8), profiles.P3)
    assert abs(decode(data, CONVERTED) - expected).max() <= 4


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_cmyk(form: str) -> None:
    # Half of the second ink: a tenth of the lightness is gone, L* 90 is sRGB 226.
    image = Image.new("CMYK", (16, 16), (0, 128, 0, 0))
    options = {"quality": 100} if form == "JPEG" else {}
    data = saved(image, form, icc_profile=profiles.cmyk("grey inks"), **options)
    assert abs(decode(data, CONVERTED).astype(int) - 226).max() <= 3
    assert abs(decode(data, IGNORED).astype(int) - [255, 127, 255]).max() <= 3
    assert decode_whole(data, IGNORED).profile == "grey inks"


def test_grey_and_transparency() -> None:
    gamma = profiles.grey("Gray Gamma 1.8", 1.8)
    data = saved(Image.new("L", (4, 4), 100), "PNG", icc_profile=gamma)
    linear = (100 / 255) ** 1.8
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert abs(decode(data, CONVERTED) - expected).max() <= 2
    clear = Image.new("RGBA", (4, 4), (40, 200, 90, 0))
    assert (decode(saved(clear, "PNG", icc_profile=P3), CONVERTED) == 255).all()


def test_palettes() -> None:
    image = IMAGE.quantize(16)
    data = saved(image, "PNG", icc_profile=P3)
    expected = profiles.srgb_of(np.asarray(image.convert("RGB")), profiles.P3)
    assert abs(decode(data, CONVERTED) - expected).max() <= 2


def test_the_profile_of_srgb_is_no_other_one() -> None:
    pillows = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc in (SRGB, pillows):
        data = saved(IMAGE, "PNG", icc_profile=icc)
        assert decode_whole(data, IGNORED).profile == ""
        assert abs(decode(data, CONVERTED).astype(int) - PIXELS).max() <= 2


def test_profiles_that_are_broken_or_for_other_images_are_none() -> None:
    for icc in (b"nonsense", P3[:200], profiles.grey("g", 1.0), profiles.cmyk("c")):
        data = saved(IMAGE, "PNG", icc_profile=icc)
        assert np.array_equal(decode(data, CONVERTED), PIXELS)
        assert decode_whole(data, CONVERTED).profile == ""


def test_a_profile_that_unpacks_to_too_much_is_none() -> None:
    data = saved(IMAGE, "PNG", icc_profile=P3 + bytes(1 << 25))
    assert len(data) < 1 << 20
    assert np.array_equal(decode(data, CONVERTED), PIXELS)
    assert io.BytesIO(data).read(4) == b"\x89PNG"
