"""GIFs: published geometry, and what a reader finds in the file."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from igcli.records import Array, Interior, Pixels
from igcli.render import styles
from igcli.render.animation import frames, render
from igcli.render.curve import MARK_COLOUR, Curve
from igcli.render.encoders import encode_gif
from igcli.render.options import GifOptions
from igcli.render.panel import Cell, TargetInfo, image_cell, label_cell


def photo(side: int = 224) -> Pixels:
    """Return a picture of blobs and fine noise, about as hard to compress as a photo."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (9, 9, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))
    noisy = smooth.astype(int) + rng.integers(-12, 13, (side, side, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def interior(points: int, side: int = 224, *, alphas: Any = None) -> Interior:
    rng = np.random.default_rng(6)
    start, end = rng.standard_t(2, (2, side, side))
    along = np.linspace(0, 1, points)[:, None, None]
    maps: Array = ((1 - along) * start + along * end).astype(np.float32)
    return Interior(along[:, 0, 0] if alphas is None else np.array(alphas), maps)


def read(file: bytes) -> tuple[list[Pixels], list[int]]:
    with Image.open(BytesIO(file)) as animation:
        shown = [frame.convert("RGB") for frame in ImageSequence.Iterator(animation)]
        durations = []
        for number in range(len(shown)):
            animation.seek(number)
            durations.append(int(animation.info["duration"]))
    return [np.asarray(frame) for frame in shown], durations


def test_published_geometry() -> None:
    image = photo()
    shown = list(frames(image, interior(51), options=GifOptions()))
    assert len(shown) == 51
    assert {frame.shape for frame in shown} == {(314, 300, 3)}
    dark = shown[0].max(axis=2) < 140
    rows, columns = np.flatnonzero(dark[:38].any(axis=1)), np.flatnonzero(dark[:38].any(axis=0))
    # Measured on reference/gifs/023d8b91c64faf4b.gif.
    assert (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) == (12, 3, 182, 21)
    rows, columns = np.flatnonzero(dark[266:].any(axis=1)), np.flatnonzero(dark[266:].any(axis=0))
    assert (columns[0], rows[0] + 266, columns[-1] + 1, rows[-1] + 267) == (11, 276, 76, 290)


def test_frames_are_windows_normalised_one_by_one() -> None:
    image = np.full((30, 30, 3), 200, np.uint8)
    maps = np.ones((2, 30, 30), np.float32)
    maps[0, :, :15] = 0.5
    maps[1] *= 1e-6
    first, second = frames(image, Interior(np.array([0.0, 1.0]), maps), options=GifOptions())
    assert (first[40:70, :15] == 100).all()
    assert (first[40:70, 15:30] == 200).all()
    assert (second[40:70, :30] == 200).all()


@pytest.mark.parametrize(
    ("alpha", "caption"),
    [(0.0, "0.0"), (0.02, "0.02"), (0.1 + 0.2, "0.3"), (1 / 3, "0.3333"), (1.0, "1.0")],
)
def test_captions(alpha: float, caption: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr("igcli.render.text.write", lambda _, text, **place: written.append(text))
    next(frames(photo(8), interior(1, 8, alphas=[alpha]), options=GifOptions()))
    assert written == ["Interior gradients GIF", f"alpha={caption}"]


@pytest.mark.parametrize("side", [1, 60, 400])
def test_other_sizes_keep_the_margins(side: int) -> None:
    frame = next(frames(photo(side), interior(1, side), options=GifOptions()))
    assert frame.shape == (side + 90, max(300, side + 76), 3)


def test_a_curve_moves_beside_the_gradients() -> None:
    image = np.full((224, 224, 3), 255, np.uint8)
    alphas = np.linspace(0, 1, 3)
    path = Curve(alphas, alphas.astype(np.float32))
    shown = list(frames(image, interior(3), options=GifOptions(), beside=[path]))
    assert {frame.shape for frame in shown} == {(314, 468, 3)}
    red = [(frame == np.array(MARK_COLOUR)).all(axis=2) for frame in shown]
    rows, columns = zip(*(map(np.mean, np.nonzero(marks)) for marks in red), strict=True)
    assert rows[0] > rows[1] > rows[2]
    assert columns[0] < columns[1] < columns[2]
    still = [np.where(marks[..., None], 0, frame) for marks, frame in zip(red, shown, strict=True)]
    np.testing.assert_array_equal(still[0][:30], still[2][:30])


def test_cells_stand_beside_the_gradients() -> None:
    image = np.full((30, 40, 3), 255, np.uint8)
    cells: list[Cell | Curve] = [
        image_cell(np.full((30, 40, 3), (0, 0, 255), np.uint8)),
        label_cell([TargetInfo("cat", 0.5, 3)]),
    ]
    square = interior(1, 40)
    cropped = Interior(square.alphas, square.maps[:, :30])
    [frame] = frames(image, cropped, options=GifOptions(), beside=cells)
    [alone] = frames(image, cropped, options=GifOptions())
    np.testing.assert_array_equal(frame[40:70, :40], alone[40:70, :40])
    assert ((frame == (0, 0, 255)).all(axis=2)).sum() == 30 * 40
    assert frame.shape[1] > 40 + 40 + 260


def test_gradients_are_magnified_pixel_by_pixel() -> None:
    image, gradients = photo(8), interior(2, 8)
    plain = list(frames(image, gradients, options=GifOptions()))
    large = list(frames(image, gradients, options=GifOptions(), factor=5))
    assert {frame.shape for frame in large} == {(40 + 90, 300, 3)}
    for small, frame in zip(plain, large, strict=True):
        blocks = np.kron(small[40:48, :8], np.ones((5, 5, 1), np.uint8))
        np.testing.assert_array_equal(frame[40:80, :40], blocks)
        np.testing.assert_array_equal(frame[:40], small[:40])
        np.testing.assert_array_equal(frame[80:], small[48:])
        assert (frame[40:80, 40:] == 255).all()


@pytest.mark.parametrize("style", styles.names())
def test_frames_in_any_style(style: str) -> None:
    options = GifOptions.model_validate({"style": style})
    shown = list(frames(photo(40), interior(2, 40), options=options))
    decoded, _ = read(encode_gif(shown, frame_ms=500, loop=0))
    for frame, after in zip(shown, decoded, strict=True):
        assert np.abs(frame.astype(int) - after).mean() < 4


def test_every_frame_is_read_back() -> None:
    image = photo()
    shown = list(frames(image, interior(51), options=GifOptions()))
    file = encode_gif(shown, frame_ms=500, loop=0)
    decoded, durations = read(file)
    assert durations == [500] * 51
    for before, after in zip(shown, decoded, strict=True):
        error = before.astype(int) - after
        assert np.abs(error).mean() < 3
        assert (after[40:264, 224:] == 255).all()


def test_palettes_get_smaller_until_the_file_is_small_enough() -> None:
    rng = np.random.default_rng(4)
    shown = [rng.integers(0, 256, (60, 80, 3), dtype=np.uint8) for _ in range(20)]
    sizes, colours = [], []
    for max_bytes in (np.inf, 105_000, 1):
        file = encode_gif(shown, frame_ms=500, loop=0, max_bytes=max_bytes)
        decoded, _ = read(file)
        assert len(decoded) == len(shown)
        sizes.append(len(file))
        colours.append(len(np.unique(np.stack(decoded).reshape(-1, 3), axis=0)))
    assert sizes[0] > 105_000 > sizes[1] > sizes[2]
    # Of the frames, and black and white for the text.
    assert 100 < colours[0] <= 130
    assert 40 < colours[1] <= 50
    assert 25 < colours[2] <= 34


def test_changes_of_single_pixels_are_read_back() -> None:
    rng = np.random.default_rng(5)
    shown = [np.full((30, 40, 3), 255, np.uint8)]
    for _ in range(12):
        frame = shown[-1].copy()
        frame[rng.integers(30), rng.integers(40)] = rng.choice([0, 255], 3)
        shown.append(frame)
    decoded, _ = read(encode_gif(shown, frame_ms=500, loop=0))
    np.testing.assert_array_equal(np.stack(decoded), np.stack(shown))


def test_equal_frames_stay_frames() -> None:
    frame = next(frames(photo(20), interior(1, 20), options=GifOptions()))
    decoded, durations = read(encode_gif([frame, frame, 255 - frame, frame], frame_ms=120, loop=3))
    assert durations == [120] * 4
    np.testing.assert_array_equal(decoded[0], decoded[1])
    np.testing.assert_array_equal(decoded[0], decoded[3])
    assert np.abs(decoded[2].astype(int) - decoded[0]).max() > 100


def test_flat_frames_are_black() -> None:
    maps = np.zeros((3, 16, 16), np.float32)
    shown = list(frames(photo(16), Interior(np.array([0, 0.5, 1]), maps), options=GifOptions()))
    decoded, durations = read(encode_gif(shown, frame_ms=500, loop=0))
    assert len(durations) == 3
    assert all((frame[40:56, :16] == 0).all() for frame in decoded)


@pytest.mark.parametrize("loop", [0, 7, 65_535])
def test_repetitions(loop: int) -> None:
    frame = photo(8)
    with Image.open(BytesIO(encode_gif([frame, frame], frame_ms=500, loop=loop))) as animation:
        assert animation.info["loop"] == loop


def test_black_and_white_are_exact() -> None:
    frame = np.zeros((4, 8, 3), np.uint8)
    frame[:, 4:] = 255
    decoded, _ = read(encode_gif([frame], frame_ms=500, loop=0))
    np.testing.assert_array_equal(decoded[0], frame)


def test_size_of_a_published_gif() -> None:
    alphas = np.linspace(0, 1, 51)
    file = render(photo(), interior(51), options=GifOptions())
    assert 400_000 < len(file) <= 1_500_000
    curve = Curve(alphas, alphas.astype(np.float32), alphas**2)
    beside: list[Cell | Curve] = [curve, image_cell(photo())]
    with_more = render(photo(), interior(51), options=GifOptions(), beside=beside)
    assert len(with_more) <= 1_600_000


def test_an_animation_is_of_the_format_asked_for() -> None:
    for form in ("gif", "webp"):
        options = GifOptions.model_validate({"format": form, "frame_ms": 120, "loop": 2})
        with Image.open(BytesIO(render(photo(8), interior(3, 8), options=options))) as it:
            assert (it.format, it.n_frames, it.info["loop"]) == (form.upper(), 3, 2)  # type: ignore[attr-defined]


def test_frames_may_share_a_scale() -> None:
    image = np.full((4, 4, 3), 200, np.uint8)
    maps = np.stack([np.full((4, 4), value, np.float32) for value in (0.5, 1, 2)])
    options = GifOptions.model_validate({"scale": "shared"})
    shown = list(frames(image, Interior(np.array([0, 0.5, 1]), maps), options=options))
    # The median of 0.5, 1 and 2 is at full strength.
    assert [int(frame[40, 0, 0]) for frame in shown] == [100, 200, 200]
