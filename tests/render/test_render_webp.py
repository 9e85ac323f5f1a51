"""Animated WebPs: what a reader finds in the file."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from igcli.records import Pixels
from igcli.render.encoders import encode_webp


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
    found, durations, loop = read(encode_webp(frames, frame_ms=120, loop=3))
    assert durations == [120] * 6
    assert loop == 3
    for before, after in zip(frames, found, strict=True):
        assert np.abs(before.astype(int) - after).mean() < 4


def test_equal_frames_stay_frames() -> None:
    first, second = moving(2)
    found, durations, _ = read(encode_webp([first, first, second, first], frame_ms=500, loop=0))
    assert durations == [500] * 4
    assert np.abs(found[0].astype(int) - found[1]).max() <= 2
    assert np.abs(found[2].astype(int) - found[1]).max() > 60


def test_all_frames_equal() -> None:
    frame = moving(1)[0]
    found, durations, loop = read(encode_webp([frame] * 51, frame_ms=500, loop=0))
    assert len(found) == len(durations) == 51
    assert loop == 0


def test_one_frame() -> None:
    found, durations, _ = read(encode_webp(moving(1), frame_ms=500, loop=0))
    assert len(found) == 1
    assert durations == [500]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (91, 301)])
def test_odd_sizes(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(3)]
    found, _, _ = read(encode_webp(frames, frame_ms=40, loop=0))
    assert [frame.shape for frame in found] == [(*size, 3)] * 3


def test_a_change_in_the_last_pixel() -> None:
    frames = [np.zeros((5, 7, 3), np.uint8), np.zeros((5, 7, 3), np.uint8)]
    frames[1][4, 6] = 255
    found, _, _ = read(encode_webp(frames, frame_ms=500, loop=0))
    assert found[1][4, 6].min() > 150
    assert found[1][:3].max() < 30
