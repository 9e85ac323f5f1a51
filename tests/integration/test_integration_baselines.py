import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage

from igcli.integration import baselines
from igcli.integration.baseline_sampler import BaselineSampler
from igcli.integration.gaussian import Blur
from igcli.integration.options import BaselineOptions, PathOptions
from igcli.integration.randomness import generator
from igcli.records import Array

SHAPE = (20, 16, 3)


def image(seed: int = 1) -> Array:
    return np.random.default_rng(seed).uniform(0, 255, SHAPE).astype(np.float32)


@pytest.mark.parametrize("name", baselines.names())
def test_every_baseline_is_an_input_in_pixel_space(name: str) -> None:
    before = image()
    pixels = BaselineSampler(name).of(before)
    assert pixels.shape == SHAPE
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 255
    np.testing.assert_array_equal(before, image())


@pytest.mark.parametrize("name", baselines.names())
def test_every_baseline_depends_on_seed_and_image_alone(name: str) -> None:
    first = BaselineSampler(name, seed=3).of(image())
    np.testing.assert_array_equal(BaselineSampler(name, seed=3).of(image()), first)
    other = BaselineSampler(name, seed=3).of(image(2))
    assert np.array_equal(first, other) == BaselineSampler(name).is_fixed


def test_the_named_colours() -> None:
    for name, value in {"black": 0, "white": 255, "gray": 128, "#808080": 128}.items():
        assert (BaselineSampler(name).of(image()) == value).all()
        assert BaselineSampler(name).is_fixed


def test_a_colour_has_its_channels_in_order() -> None:
    assert (BaselineSampler("#ff8001").of(image()) == [255, 128, 1]).all()
    with pytest.raises(ValueError, match="needs RGB or grey images"):
        BaselineSampler("#ff8001").of(image()[..., :2])


def test_the_mean_is_of_each_channel() -> None:
    pixels = BaselineSampler("mean").of(image())
    np.testing.assert_allclose(pixels[4, 7], image().mean((0, 1)), rtol=1e-5)
    assert (pixels == pixels[0, 0]).all()
    np.testing.assert_allclose(BaselineSampler("mean").of(np.array([1, 2, 6], np.float32)), 3)


@pytest.mark.parametrize("sigma", [0.6, 2.0, 9.0])
def test_blur_is_scipys(sigma: float) -> None:
    expected = ndimage.gaussian_filter(image().astype(np.float64), (sigma, sigma, 0))
    np.testing.assert_allclose(Blur(image()).by(sigma), expected, rtol=1e-5)


def test_blur_leaves_flat_images_and_needs_images() -> None:
    np.testing.assert_allclose(Blur(np.full(SHAPE, 7, np.float32)).by(5), 7, rtol=1e-6)
    np.testing.assert_array_equal(Blur(image()).by(0), image())
    with pytest.raises(ValueError, match=r"only images \(H, W, C\) can be blurred"):
        BaselineSampler("blur").of(np.ones(4, np.float32))


def test_noise_is_uniform_and_of_its_own_for_each_sample() -> None:
    drawn = BaselineSampler("noise", samples=2)
    first, second = drawn.of(image(), 0), drawn.of(image(), 1)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    counts = np.histogram(first, 4, (0, 255))[0] / first.size
    np.testing.assert_allclose(counts, 0.25, atol=0.05)
    other = BaselineSampler("noise", seed=1).of(image())
    assert not np.array_equal(first, other)


def test_draws_differ_by_purpose_and_shape() -> None:
    draws = {
        generator(0, array, purpose).uniform()
        for array in (image(), image().reshape(-1), image()[:10])
        for purpose in ("a", "b")
    }
    assert len(draws) == 6


def test_only_noise_has_samples() -> None:
    assert (
        BaselineSampler.from_options(BaselineOptions(kind="noise", samples=4), seed=0).samples == 4
    )
    assert (
        BaselineSampler.from_options(BaselineOptions(kind="black", samples=4), seed=0).samples == 1
    )


def test_a_given_baseline_is_for_every_image() -> None:
    given = BaselineSampler.from_options(BaselineOptions(kind="a.png"), seed=0, given=image(5))
    assert given.is_fixed
    assert given.of(image()) is given.given


@pytest.mark.parametrize("kind", ["#12345", "#gggggg", "#"])
def test_what_is_no_baseline_is_refused(kind: str) -> None:
    with pytest.raises(ValidationError, match=r"must be black, .*, '#rrggbb' or an image file"):
        PathOptions.model_validate({"baseline": kind})


def test_a_baseline_is_written_in_short_where_that_says_all() -> None:
    for value in ("gray", "#808080", {"kind": "noise", "samples": 3}):
        options = PathOptions.model_validate({"baseline": value})
        assert options.model_dump()["baseline"] == value
