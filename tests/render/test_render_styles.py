"""Every style paints anything; the published ones follow their formulas."""

import numpy as np
import numpy.typing as npt
import pytest

from igcli.records import Array, Pixels
from igcli.render import styles
from igcli.render.options import PanelOptions
from igcli.render.visualize import paint

SHAPES = [(1, 1, 3), (7, 5, 3), (40, 1, 3), (224, 224, 3)]


def random_image(shape: tuple[int, ...] = (24, 20, 3), seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def random_map(shape: tuple[int, ...] = (24, 20, 3), seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_t(2, shape).astype(np.float32) * np.float32(1e-4)


def percentile(values: Array, rank: float) -> float:
    """Linear interpolation between the sorted values, written out."""
    ordered = sorted(float(value) for value in values.ravel())
    place = rank / 100 * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def reaching(values: Array, percent: float) -> float:
    """The value at which the largest reach a share of the sum, found one by one."""
    ordered = sorted((float(value) for value in values.ravel()), reverse=True)
    total = 0.0
    for value in ordered:
        total += value
        if total >= sum(ordered) * percent / 100:
            return value
    return ordered[-1]


def truncated(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    clipped: npt.NDArray[np.int64] = np.minimum(np.maximum(values, 0), 255).astype(np.int64)
    return clipped


@pytest.mark.parametrize("style", styles.names())
@pytest.mark.parametrize("shape", SHAPES)
def test_any_size_is_painted(style: str, shape: tuple[int, int, int]) -> None:
    image = random_image(shape)
    painting = paint(image, random_map(shape), PanelOptions(style=style))
    assert painting.picture.shape == shape
    assert painting.picture.dtype == np.uint8


@pytest.mark.parametrize("style", styles.names())
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -np.inf, 1e-45])
def test_flat_maps_highlight_nothing(style: str, value: float) -> None:
    image = random_image()
    options = PanelOptions(style=style)
    attributions = np.full(image.shape, value, np.float32)
    painting = paint(image, attributions, options)
    assert painting.flat
    blank = paint(image, np.zeros_like(attributions), options)
    np.testing.assert_array_equal(painting.picture, blank.picture)


@pytest.mark.parametrize("style", styles.names())
def test_one_bad_value_makes_a_map_flat(style: str) -> None:
    attributions = random_map()
    attributions[3, 4, 1] = np.nan
    assert paint(random_image(), attributions, PanelOptions(style=style)).flat


@pytest.mark.parametrize("style", styles.names())
@pytest.mark.parametrize("factor", [1e-30, 1e-3, 10])
def test_the_unit_of_attributions_does_not_matter(style: str, factor: float) -> None:
    image, attributions = random_image(), random_map()
    scaled = paint(image, attributions * np.float32(factor), PanelOptions(style=style))
    plain = paint(image, attributions, PanelOptions(style=style))
    assert not scaled.flat
    difference = scaled.picture.astype(int) - plain.picture
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("style", styles.names())
def test_inputs_are_left_as_they_are(style: str) -> None:
    image, attributions = random_image(), random_map()
    before = image.copy(), attributions.copy()
    paint(image, attributions, PanelOptions(style=style))
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(attributions, before[1])


@pytest.mark.parametrize("style", ["overlay", "windowing"])
def test_a_single_nonzero_pixel_is_too_sparse_for_percentiles(style: str) -> None:
    attributions = np.zeros((200, 200, 3), np.float32)
    attributions[50, 60] = 1
    painting = paint(random_image((200, 200, 3)), attributions, PanelOptions(style=style))
    assert painting.flat


@pytest.mark.parametrize("style", ["overlay", "windowing"])
def test_a_channel_mean_paints_like_its_channels(style: str) -> None:
    image, attributions = random_image(), random_map()
    mean = attributions.astype(np.float64).mean(axis=2).astype(np.float32)
    of_mean = paint(image, mean, PanelOptions(style=style)).picture.astype(int)
    of_channels = paint(image, attributions, PanelOptions(style=style)).picture
    assert np.abs(of_mean - of_channels).max() <= 1


def test_windowing_formula() -> None:
    image, attributions = random_image(), random_map()
    mean = attributions.astype(np.float64).mean(axis=2)
    window = np.minimum(1, np.abs(mean) / percentile(np.abs(mean), 99))
    expected = truncated(image * window[..., None])
    painting = paint(image, attributions, PanelOptions(style="windowing"))
    assert not painting.flat
    assert np.abs(painting.picture - expected).max() <= 1


@pytest.mark.parametrize(
    ("polarity", "green", "red"), [("positive", 1, 0), ("negative", 0, 1), ("both", 1, 1)]
)
def test_overlay_formula(polarity: str, green: int, red: int) -> None:
    image, attributions = random_image(), random_map()
    mean = attributions.astype(np.float64).mean(axis=2)
    bound = max(abs(percentile(mean, 99)), abs(percentile(mean, 1)))
    normalised = np.clip(mean / bound, -1, 1)
    expected = np.repeat(0.3 * image.astype(np.float64).mean(axis=2)[..., None], 3, axis=2)
    expected[..., 0] += 0.7 * 255 * red * np.maximum(-normalised, 0)
    expected[..., 1] += 0.7 * 255 * green * np.maximum(normalised, 0)
    options = PanelOptions.model_validate({"style": "overlay", "polarity": polarity})
    picture = paint(image, attributions, options).picture
    assert np.abs(picture - truncated(expected)).max() <= 1


def test_overlay_by_hand() -> None:
    image = np.full((1, 3, 3), (100, 130, 70), np.uint8)
    attributions = np.repeat(np.array([[[4.0], [-4.0], [0.0]]], np.float32), 3, axis=2)
    options = PanelOptions(style="overlay", polarity="both")
    picture = paint(image, attributions, options).picture
    # The percentiles of -4, 0, 4 are +-3.92; 0.3 * 100 = 30; 0.7 * 255 = 178.5.
    np.testing.assert_array_equal(picture, [[[30, 208, 30], [208, 30, 30], [30, 30, 30]]])


@pytest.mark.parametrize("style", ["overlay", "windowing"])
def test_huge_attributions_do_not_overflow(style: str) -> None:
    image, attributions = random_image(), random_map()
    attributions[0, 0] = 1e38
    assert not paint(image, attributions, PanelOptions(style=style)).flat


def clipped_values(attributions: Array, sign: int, above: float, below: float) -> Array:
    """The linear stretch of one polarity, 0...1."""
    values = np.clip(sign * attributions.astype(np.float64), 0, 1).mean(axis=2)
    full = reaching(values, 100 - above)
    low = reaching(values, 100 - below) if below else values.min()
    stretched: Array = np.clip((values - low) / (full - low), 0, 1)
    return stretched


@pytest.mark.parametrize(("above", "below"), [(99, 0), (95, 58), (99.9, 70), (100, 0)])
@pytest.mark.parametrize("polarity", ["positive", "negative", "both"])
def test_clipped_formula(polarity: str, above: float, below: float) -> None:
    image, attributions = random_image(), random_map()
    expected = 0.7 * image.astype(np.float64)
    if polarity != "negative":
        expected[..., 1] += 0.5 * 255 * clipped_values(attributions, 1, above, below)
    if polarity != "positive":
        expected[..., 0] += 0.5 * 255 * clipped_values(attributions, -1, above, below)
    options = PanelOptions.model_validate(
        {"style": "clipped", "polarity": polarity, "clip_above": above, "clip_below": below}
    )
    picture = paint(image, attributions, options).picture
    assert np.abs(picture - truncated(expected)).max() <= 1


def test_clipped_by_hand() -> None:
    image = np.full((1, 4, 3), (100, 50, 0), np.uint8)
    attributions = np.repeat(np.array([[[0.4], [0.3], [0.2], [0.1]]], np.float32), 3, axis=2)
    options = PanelOptions(style="clipped", clip_above=50, clip_below=15)
    # Sum 1: the largest reach 50% at 0.3 (0.7) and 85% at 0.2 (0.9).
    picture = paint(image, attributions, options).picture
    np.testing.assert_array_equal(picture[0, :, 1], [162, 162, 35, 35])
    assert (picture[..., 0] == 70).all()


def test_clipped_attributions_end_at_one() -> None:
    image = np.zeros((1, 2, 3), np.uint8)
    attributions = np.array([[[9.0, 0, 0], [0.5, 0.5, 0]]], np.float32)
    options = PanelOptions(style="clipped", clip_above=100)
    picture = paint(image, attributions, options).picture
    # Both channel means are 1/3 once the 9 is clipped to 1.
    np.testing.assert_array_equal(picture[0, :, 1], [127, 127])


@pytest.mark.parametrize("polarity", ["positive", "negative", "both"])
def test_clipped_with_one_nonzero_pixel(polarity: str) -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    attributions = np.zeros((20, 20, 3), np.float32)
    attributions[3, 4] = 1e-3
    options = PanelOptions.model_validate({"style": "clipped", "polarity": polarity})
    painting = paint(image, attributions, options)
    assert painting.flat == (polarity == "negative")
    assert painting.picture.astype(int).sum() == (0 if painting.flat else 127)


@pytest.mark.parametrize("value", [0.2, 1.0])
def test_clipped_constant_map_is_all_full(value: float) -> None:
    image = np.zeros((3, 3, 3), np.uint8)
    attributions = np.full((3, 3, 3), value, np.float32)
    assert (paint(image, attributions, PanelOptions(style="clipped")).picture[..., 1] == 127).all()
