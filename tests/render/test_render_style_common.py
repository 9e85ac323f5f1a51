"""Heat maps and masks against their formulas, for every sign."""

import numpy as np
import numpy.typing as npt
import pytest

from igcli.records import Array, Pixels
from igcli.render.options import PanelOptions
from igcli.render.style_common import high_percentile
from igcli.render.visualize import paint

SIGNS = ["all", "positive", "negative", "absolute_value"]
ENDS = {
    "positive": ((247, 252, 245), (0, 68, 27)),
    "negative": ((255, 245, 240), (103, 0, 13)),
    "absolute_value": ((247, 251, 255), (8, 48, 107)),
}
Values = npt.NDArray[np.float64]


def example() -> tuple[Pixels, Array]:
    rng = np.random.default_rng(3)
    image = rng.integers(0, 256, (24, 20, 3), dtype=np.uint8)
    return image, (rng.standard_t(2, (24, 20, 3)) * 1e-4).astype(np.float32)


def picture(style: str, sign: str, outlier_percent: float = 2) -> Values:
    options = PanelOptions.model_validate(
        {"style": style, "sign": sign, "outlier_percent": outlier_percent}
    )
    return paint(*example(), options).picture.astype(np.float64)


def weights(sign: str, outlier_percent: float = 2) -> Values:
    """The normalised attributions: -1...1 for all, else 0...1."""
    total = example()[1].astype(np.float64).sum(axis=2)
    if sign == "positive":
        total = np.where(total > 0, total, 0)
    if sign == "negative":
        total = np.where(total < 0, -total, 0)
    if sign == "absolute_value":
        total = np.abs(total)
    ordered = sorted(abs(value) for value in total.ravel())
    reached, scale = 0.0, ordered[-1]
    for value in ordered:
        reached += value
        if reached >= sum(ordered) * (100 - outlier_percent) / 100:
            scale = value
            break
    colours: Values = np.clip(total / scale, -1, 1)
    return colours


def red_white_green(values: Values) -> Values:
    above, below = np.maximum(values, 0), np.maximum(-values, 0)
    channels = [255 - 255 * above, 255 - 127 * above - 255 * below, 255 - 255 * above - 255 * below]
    return np.stack(channels, axis=-1)


def grey() -> Values:
    mean: Values = example()[0].astype(np.float64).mean(axis=2)
    return mean[..., None]


@pytest.mark.parametrize("outlier_percent", [0, 2, 20])
def test_heat_map_of_all(outlier_percent: float) -> None:
    expected = red_white_green(weights("all", outlier_percent))
    assert np.abs(picture("heat_map", "all", outlier_percent) - expected).max() <= 2


@pytest.mark.parametrize("sign", SIGNS[1:])
def test_heat_maps_of_one_colour_darken_with_strength(sign: str) -> None:
    strength = weights(sign).ravel()
    colours = picture("heat_map", sign).reshape(-1, 3)
    least, most = ENDS[sign]
    assert np.abs(colours[strength == 0] - least).max(initial=0) <= 2
    assert np.abs(colours[strength == 1] - most).max() <= 2
    lightness = colours[np.argsort(strength)] @ [0.299, 0.587, 0.114]
    assert (np.diff(lightness) <= 1).all()


def test_one_colour_at_its_middle() -> None:
    image = np.zeros((1, 2, 3), np.uint8)
    attributions = np.repeat(np.array([[[1.0], [0.5]]], np.float32), 3, axis=2)
    options = PanelOptions(style="heat_map", sign="positive", outlier_percent=0)
    colours = paint(image, attributions, options).picture.astype(int)
    # The fifth of ColorBrewer's nine greens.
    assert np.abs(colours[0, 1] - (0x74, 0xC4, 0x76)).max() <= 2


@pytest.mark.parametrize("sign", SIGNS)
def test_blended_heat_map_is_half_heat_and_half_grey(sign: str) -> None:
    expected = 0.5 * picture("heat_map", sign) + 0.5 * grey()
    assert np.abs(picture("blended_heat_map", sign) - expected).max() <= 2


@pytest.mark.parametrize("sign", SIGNS)
def test_masked_image_formula(sign: str) -> None:
    expected = example()[0] * np.abs(weights(sign))[..., None]
    assert np.abs(picture("masked_image", sign) - expected).max() <= 2


@pytest.mark.parametrize("sign", SIGNS)
def test_alpha_scaling_formula(sign: str) -> None:
    opacity = np.abs(weights(sign))[..., None]
    expected = example()[0] * opacity + 255 * (1 - opacity)
    assert np.abs(picture("alpha_scaling", sign) - expected).max() <= 2


def test_nothing_is_white_exactly() -> None:
    image = np.full((2, 2, 3), 99, np.uint8)
    painting = paint(image, np.zeros((2, 2, 3), np.float32), PanelOptions(style="heat_map"))
    assert painting.flat
    assert (painting.picture == 255).all()


@pytest.mark.parametrize("style", ["heat_map", "blended_heat_map", "masked_image", "alpha_scaling"])
def test_a_single_nonzero_pixel_stands_out(style: str) -> None:
    image = np.full((9, 9, 3), 100, np.uint8)
    attributions = np.zeros((9, 9, 3), np.float32)
    attributions[4, 4] = 1e-3
    painting = paint(image, attributions, PanelOptions.model_validate({"style": style}))
    assert not painting.flat
    different = (painting.picture != painting.picture[0, 0]).any(axis=2)
    assert different.sum() == 1
    assert different[4, 4]


@pytest.mark.parametrize("rank", [0, 50, 90, 97.5, 99, 100])
@pytest.mark.parametrize("kind", ["normal", "heavy tails", "zeros", "few values", "rising"])
def test_high_percentiles_are_numpys(kind: str, rank: float) -> None:
    rng = np.random.default_rng(7)
    for shape in [(1, 1), (1, 2), (3, 5), (40, 17), (224, 224)]:
        values = np.abs(rng.standard_normal(shape)).astype(np.float32)
        if kind == "heavy tails":
            values = values**9
        if kind == "zeros":
            values *= rng.random(shape) < 0.003
        if kind == "few values":
            values = np.round(values)
        if kind == "rising":
            values = np.sort(values, axis=None).reshape(shape)
        expected = np.percentile(values.astype(np.float64), rank)
        assert high_percentile(values, rank) == pytest.approx(expected, rel=1e-12)
