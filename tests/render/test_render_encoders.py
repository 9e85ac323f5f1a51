"""Encoded stills and animated WebPs are read back as they were."""

from io import BytesIO
from typing import Literal

import numpy as np
import pytest
from PIL import Image

from igcli.records import Pixels
from igcli.render.encoders import encode_image, encode_webp


def gradient() -> np.ndarray:
    steps = np.arange(64, dtype=np.uint8) * 4
    return np.stack([np.tile(steps, (48, 1))] * 3, axis=-1)


def test_png_is_exact() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    with Image.open(BytesIO(encode_image(picture, format="png", quality=1))) as read:
        assert read.format == "PNG"
        np.testing.assert_array_equal(np.asarray(read), picture)


def test_jpeg_is_near() -> None:
    with Image.open(BytesIO(encode_image(gradient(), format="jpg", quality=95))) as read:
        assert read.format == "JPEG"
        assert np.abs(np.asarray(read).astype(int) - gradient()).max() <= 4


def test_quality_is_a_matter_of_bytes() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    sizes = [len(encode_image(picture, format="jpg", quality=level)) for level in (1, 50, 95, 100)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_single_green_pixels_keep_their_colour() -> None:
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[::4, ::4, 1] = 178
    with Image.open(BytesIO(encode_image(picture, format="jpg", quality=95))) as read:
        decoded = np.asarray(read).astype(int)
    assert (decoded[::4, ::4, 1] - decoded[::4, ::4, 0]).min() > 120


@pytest.mark.parametrize("size", [(1, 1), (1, 3000)])
def test_extreme_sizes(size: tuple[int, int]) -> None:
    picture = np.zeros((*size, 3), np.uint8)
    formats: tuple[Literal["jpg", "png"], ...] = ("jpg", "png")
    for name in formats:
        with Image.open(BytesIO(encode_image(picture, format=name, quality=95))) as read:
            assert read.size == (size[1], size[0])


def read(file: bytes) -> tuple[list[Pixels], list[int], int]:
    shown, durations = [], []
    with Image.open(BytesIO(file)) as animation:
        assert animation.format == "WEBP"
        for number in range(getattr(animation, "n_frames", 1)):
            animation.seek(number)
            animation.load()
            shown.append(np.asarray(animation.convert("RGB")))
            durations.append(int(animation.info["duration"]))
        return shown, durations, int(animation.info["loop"])


def moving(count: int = 6) -> list[Pixels]:
    """A grey square that moves by odd steps over a ramp."""
    frames = []
    for number in range(count):
        frame = np.tile(np.arange(0, 240, 4, dtype=np.uint8)[None, :, None], (40, 1, 3))
        frame[7 : 7 + 9, 5 + 3 * number : 16 + 3 * number] = 250
        frames.append(frame)
    return frames


def test_frames_and_durations_are_read_back() -> None:
    frames = moving()
    decoded, durations, loop = read(encode_webp(frames, frame_ms=120, loop=3))
    assert durations == [120] * 6
    assert loop == 3
    for before, after in zip(frames, decoded, strict=True):
        assert np.abs(before.astype(int) - after).mean() < 4


def test_equal_frames_stay_frames() -> None:
    first, second = moving(2)
    decoded, durations, _ = read(encode_webp([first, first, second, first], frame_ms=500, loop=0))
    assert durations == [500] * 4
    assert np.abs(decoded[0].astype(int) - decoded[1]).max() <= 2
    assert np.abs(decoded[2].astype(int) - decoded[1]).max() > 60


def test_all_frames_equal() -> None:
    frame = moving(1)[0]
    decoded, durations, loop = read(encode_webp([frame] * 51, frame_ms=500, loop=0))
    assert len(decoded) == len(durations) == 51
    assert loop == 0


def test_one_frame() -> None:
    decoded, durations, _ = read(encode_webp(moving(1), frame_ms=500, loop=0))
    assert len(decoded) == 1
    assert durations == [500]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (91, 301)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(3)]
    decoded, _, _ = read(encode_webp(frames, frame_ms=40, loop=0))
    assert [frame.shape for frame in decoded] == [(*size, 3)] * 3


def test_a_change_in_the_last_pixel() -> None:
    frames = [np.zeros((5, 7, 3), np.uint8), np.zeros((5, 7, 3), np.uint8)]
    frames[1][4, 6] = 255
    decoded, _, _ = read(encode_webp(frames, frame_ms=500, loop=0))
    assert decoded[1][4, 6].min() > 150
    assert decoded[1][:3].max() < 30
