"""A colour bar has the colours that the picture beside it has for the same attributions."""

import itertools

import numpy as np
import pytest

from igcli.records import Array
from igcli.render import colorbar, style_common, styles
from igcli.render.options import PanelOptions
from igcli.render.panel import colorbar_cell
from igcli.render.visualize import paint

POLARITIES = {"positive": (0, 1), "negative": (-1, 0), "both": (-1, 1)}
SIGNS = {"all": (-1, 1), "positive": (0, 1), "negative": (-1, 0), "absolute_value": (0, 1)}
GROUNDS = {"overlay": 0, "clipped": 0, "alpha_scaling": 0}
SCALE = 0.25


def cases() -> list[tuple[str, str, tuple[int, int]]]:
    signed = itertools.product(["overlay", "clipped"], POLARITIES.items())
    heats = itertools.product(["heat_map", "blended_heat_map"], SIGNS.items())
    masks = itertools.product(["windowing", "masked_image", "alpha_scaling"], ["positive"])
    return [
        *((style, name, ends) for style, (name, ends) in signed),
        *((style, name, ends) for style, (name, ends) in heats),
        *((style, name, (0, 1)) for style, name in masks),
    ]


def chosen(style: str, name: str) -> PanelOptions:
    option = "polarity" if style in {"overlay", "clipped"} else "sign"
    return PanelOptions.model_validate({"style": style, option: name, "scale": SCALE})


def test_every_style_is_tried() -> None:
    assert {style for style, _, _ in cases()} == set(styles.names())


@pytest.mark.parametrize(("style", "name", "ends"), cases())
def test_colours_are_those_of_the_picture(style: str, name: str, ends: tuple[int, int]) -> None:
    options = chosen(style, name)
    values = np.linspace(ends[0] * SCALE, ends[1] * SCALE, style_common.BAR_SHADES)
    channels = 1 if style in {"overlay", "windowing", "clipped"} else 3
    attributions = np.repeat(values[None, :, None] / channels, 3, axis=2).astype(np.float32)
    image = np.full(attributions.shape, GROUNDS.get(style, 255), np.uint8)
    picture = paint(image, attributions, options).picture[0]
    bar = style_common.load(style).bar(attributions, scales=(SCALE, SCALE), options=options)
    # At a half of `both`, the bar's two halves meet where the picture has one more shade.
    assert np.abs(bar.colours.astype(int) - picture).max() <= 2
    assert (bar.low, bar.high) == (ends[0] * SCALE, ends[1] * SCALE)


def test_a_clipped_bar_begins_where_attributions_are_shown() -> None:
    attributions = np.repeat(np.array([[[0.4], [0.3], [0.2], [0.1]]], np.float32), 3, axis=2)
    options = PanelOptions(style="clipped", clip_above=50, clip_below=15)
    bar = style_common.load("clipped").bar(attributions, scales=(0.3,), options=options)
    assert (bar.low, bar.high) == pytest.approx((0.2, 0.3))


@pytest.mark.parametrize("height", [1, 60, 224])
@pytest.mark.parametrize("polarity", ["positive", "both"])
def test_drawn_bars(height: int, polarity: str) -> None:
    options = PanelOptions.model_validate({"polarity": polarity})
    attributions = np.ones((height, 4, 3), np.float32)
    bar = colorbar.draw(attributions, scales=(0.1234,), options=options, height=height)
    assert bar.shape[0] == max(height, 60)
    assert bar[1, 5, 1] > 170
    assert (bar[:, colorbar.WIDTH + colorbar.LABEL_GAP :] < 100).any()
    bottom = bar[-2, 5]
    assert bottom[0] > 170 if polarity == "both" else bottom.max() < 5


@pytest.mark.parametrize("style", styles.names())
def test_flat_maps_have_a_bar(style: str) -> None:
    options = PanelOptions(style=style)
    attributions: Array = np.zeros((30, 30, 3), np.float32)
    painting = paint(np.zeros((30, 30, 3), np.uint8), attributions, options)
    cell = colorbar_cell(attributions, painting, options)
    assert cell.picture.shape[0] == 60
