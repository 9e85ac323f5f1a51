import io
import random
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from igcli.errors import ImageError
from igcli.images.decode import decode
from igcli.images.options import Limits
from igcli.records import Pixels

LIMITS = Limits()
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
MUTATIONS = 1000
PNG = b"\x89PNG\r\n\x1a\n"


def noise(*shape: int) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, shape, np.uint8)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def ihdr(width: int, height: int) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


@pytest.mark.parametrize("form", FORMATS)
def test_truncated_files_say_where_they_end(form: str) -> None:
    data = saved(Image.fromarray(noise(40, 60, 3)), form)
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
    [b"hello\n", b"BMW is a car, and this is a text about it.", b"\0" * 100, b"GIF90a", b"%PDF"],
)
def test_other_files_are_no_images(data: bytes) -> None:
    with pytest.raises(
        ImageError, match=r"^not an image: the content is none of JPEG, PNG, WebP, BMP and GIF$"
    ):
        decode(data, LIMITS)


def test_other_formats_that_pillow_knows_are_no_images() -> None:
    for form in ("TIFF", "PPM", "ICO", "TGA"):
        with pytest.raises(ImageError, match="not an image"):
            decode(saved(Image.new("RGB", (16, 16)), form), LIMITS)


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
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_before_they_take_memory(name: str) -> None:
    with pytest.raises(ImageError, match=r"^too large: [\d,]+ x [\d,]+ pixels, the limit is"):
        decode(BOMBS[name], LIMITS)


@pytest.mark.parametrize("form", FORMATS)
def test_the_limit_of_pixels_is_the_last_that_passes(form: str) -> None:
    data = saved(Image.new("RGB", (20, 10)), form)
    assert decode(data, Limits(max_pixels=200)).shape == (10, 20, 3)
    with pytest.raises(ImageError, match=r"^too large: 20 x 10 pixels, the limit is 199 pixels"):
        decode(data, Limits(max_pixels=199))


def test_floods_of_chunks_end_soon() -> None:
    head = BOMBS["png"][:33]
    for flood in (
        head + chunk(b"tEXt", b"") * 400_000,
        b"\xff\xd8" + b"\xff\xfe\0\2" * 400_000,
        b"GIF89a\1\0\1\0\0\0\0" + b"\0" * 2_000_000,
        b"GIF89a\1\0\1\0\0\0\0" + b"!\xfe\0" * 700_000,
    ):
        with pytest.raises(ImageError, match=r"^(damaged|truncated)"):
            decode(flood, LIMITS)


def test_many_threads_decode_the_same() -> None:
    files = [saved(Image.fromarray(noise(64, 64, 3)), form) for form in FORMATS]
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
    """Small files of every format, with what formats can hold beside plain pixels."""
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
        saved(colours, "GIF", **frames, disposal=2, transparency=1),
    ]


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
    data = saved(Image.fromarray(noise(10, 10, 3)), form)
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
        start = time.perf_counter()
        refuse()
        seconds = time.perf_counter() - start
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert seconds < 0.2
    assert peak < 1_000_000
