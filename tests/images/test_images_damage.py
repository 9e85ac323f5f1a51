import random
import threading
import time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from igcli.errors import ImageError
from igcli.images.decode import decode
from igcli.images.options import Limits
from igcli.records import Pixels
from support.damage import BOMBS, PNG_HEAD, chunk, mutated, noise, of_form, saved, seeds

LIMITS = Limits()
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "HEIF", "JPEG2000")
MUTATIONS = 2000


@pytest.mark.parametrize("form", FORMATS)
def test_truncated_files_say_where_they_end(form: str) -> None:
    data = of_form(Image.fromarray(noise(40, 60, 3)), form)
    ends = {len(data) * part // 10 for part in range(1, 10)} | {30, len(data) - 30}
    for end in ends:
        with pytest.raises(
            ImageError, match=rf"^truncated image: the file ends after {end:,} bytes$"
        ):
            decode(data[:end], LIMITS)


def test_a_jpeg_without_its_last_bytes_is_truncated() -> None:
    data = saved(Image.fromarray(noise(40, 60, 3)), "JPEG")
    for missing in (1, 2, 3):
        with pytest.raises(ImageError, match=r"^truncated image"):
            decode(data[:-missing], LIMITS)


@pytest.mark.parametrize(
    "data",
    [b"hello\n", b"BMW is a car, and this is a text about it.", b"\0" * 100, b"GIF90a", b"ftyp"],
)
def test_other_files_are_no_images(data: bytes) -> None:
    names = "JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, HEIF and JPEG 2000"
    with pytest.raises(ImageError, match=rf"^not an image: the content is none of {names}$"):
        decode(data, LIMITS)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"\n<!DOCTYPE html><html><body>403 Forbidden", "a web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"%PDF-1.7", "a PDF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
    ],
)
def test_what_lies_under_names_of_images_is_named(data: bytes, says: str) -> None:
    with pytest.raises(ImageError, match=f"^not an image: .*{says}"):
        decode(data, LIMITS)


def test_a_png_that_xcode_rewrote_says_so() -> None:
    data = saved(Image.new("RGB", (8, 8)), "PNG")
    data = data[:8] + chunk(b"CgBI", b"P\0 \2") + data[8:]
    with pytest.raises(ImageError, match=r"^damaged PNG image: rewritten by Xcode for iOS; use"):
        decode(data, LIMITS)


def test_stray_bytes_between_the_segments_of_a_jpeg_cost_no_image() -> None:
    data = saved(Image.fromarray(noise(16, 16, 3)), "JPEG")
    at = data.index(b"\xff\xdb")
    for stray in (b"\0", b"\x42", b"\0\0\0", b"\xff\xff"):
        assert np.array_equal(decode(data[:at] + stray + data[at:], LIMITS), decode(data, LIMITS))


def test_other_formats_that_pillow_knows_are_no_images() -> None:
    for form in ("PPM", "ICO", "TGA"):
        with pytest.raises(ImageError, match="not an image"):
            decode(saved(Image.new("RGB", (16, 16)), form), LIMITS)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_they_take_memory(name: str) -> None:
    with pytest.raises(ImageError, match=r"^too large: [\d,]+ x [\d,]+ pixels, the limit is"):
        decode(BOMBS[name], LIMITS)


@pytest.mark.parametrize("form", FORMATS)
def test_the_limit_of_pixels_is_the_last_that_passes(form: str) -> None:
    data = of_form(Image.new("RGB", (20, 10)), form)
    assert decode(data, Limits(max_pixels=200)).shape == (10, 20, 3)
    with pytest.raises(ImageError, match=r"^too large: 20 x 10 pixels, the limit is 199 pixels"):
        decode(data, Limits(max_pixels=199))


def test_floods_of_chunks_end_soon() -> None:
    head = PNG_HEAD
    for flood in (
        head + chunk(b"tEXt", b"") * 400_000,
        b"\xff\xd8" + b"\xff\xfe\0\2" * 400_000,
        b"GIF89a\1\0\1\0\0\0\0" + b"\0" * 2_000_000,
        b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\0" * 700_000,
    ):
        with pytest.raises(ImageError, match=r"^(damaged|truncated)"):
            decode(flood, LIMITS)


def test_many_threads_decode_the_same() -> None:
    files = [of_form(Image.fromarray(noise(64, 64, 3)), form) for form in FORMATS]
    files += [data[: len(data) // 2] for data in files]
    barrier = threading.Barrier(8)

    def outcome(data: bytes) -> bytes:
        try:
            return decode(data, LIMITS).tobytes()
        except ImageError as error:
            return str(error).encode()

    def all_of_them(_: int) -> list[bytes]:
        barrier.wait()
        return [outcome(data) for data in files * 5]

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(all_of_them, range(8)))
    assert all(result == results[0] for result in results)


def outcome(data: bytes) -> str | Pixels:
    """Return the pixels or why there are none; anything else is a mistake."""
    try:
        return decode(data, Limits(max_pixels=1_000_000))
    except ImageError as error:
        return str(error)


def test_mutated_files_are_decoded_or_refused_without_a_warning() -> None:
    rng = random.Random(20170301)
    files = seeds()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        outcomes = [outcome(mutated(files[n % len(files)], rng)) for n in range(MUTATIONS)]
    refused = [reason for reason in outcomes if isinstance(reason, str)]
    decoded = [pixels for pixels in outcomes if not isinstance(pixels, str)]
    assert not warned
    assert all("\n" not in reason for reason in refused)
    assert all(pixels.dtype == np.uint8 and pixels.shape[2:] == (3,) for pixels in decoded)
    assert min(len(refused), len(decoded)) > MUTATIONS / 5


@pytest.mark.parametrize("form", FORMATS)
def test_a_higher_limit_is_not_undone_by_pillow(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = of_form(Image.fromarray(noise(10, 10, 3)), form)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60)  # It warns beyond, and refuses twice it.
    assert decode(data, Limits(max_pixels=100)).shape == (10, 10, 3)


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_at_once_and_without_memory(name: str) -> None:
    def refuse() -> None:
        with pytest.raises(ImageError, match="too large"):
            decode(BOMBS[name], LIMITS)

    refuse()  # The first of a format imports what it needs.
    tracemalloc.start()
    try:
        start = time.thread_time()
        refuse()
        seconds = time.thread_time() - start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < 0.2
    assert peak < 1_000_000
