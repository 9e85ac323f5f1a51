"""Presets: below what stands beside them, and an option's above the file's values."""

from pathlib import Path

import pytest

from igcli.config.dump import template, to_yaml
from igcli.config.load import load_settings
from igcli.render.options import PanelOptions


def test_a_preset_fills_what_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("panel: {preset: notebook, clip_above: 90.0, format: png}\n")
    panel = load_settings(str(file), {}).settings.panel
    assert (panel.style, panel.clip_above, panel.clip_below) == ("clipped", 90, 58)
    panel = load_settings(str(file), {"panel.style": "windowing"}).settings.panel
    assert (panel.style, panel.cleanup) == ("windowing", True)


def test_a_preset_of_an_option_beats_the_values_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("panel: {style: heat_map, clip_above: 90.0, format: png}\n")
    overrides: dict[str, object] = {"panel.preset": "notebook"}
    panel = load_settings(str(file), overrides).settings.panel
    assert (panel.style, panel.clip_above, panel.format) == ("clipped", 95, "png")
    panel = load_settings(str(file), {"panel.clip_above": 80.0, **overrides}).settings.panel
    assert (panel.style, panel.clip_above) == ("clipped", 80)


def test_a_preset_beats_what_was_written_of_another(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(to_yaml(load_settings(None, {"panel.preset": "notebook_outlines"}).settings))
    again = load_settings(str(file), {"panel.preset": "notebook"}).settings.panel
    assert again == load_settings(None, {"panel.preset": "notebook"}).settings.panel
    assert not again.outlines


def test_the_template_leaves_room_for_a_preset(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    text = template()
    assert "  preset: published\n" in text
    file.write_text(text.replace("  preset: published\n", "  preset: notebook\n"))
    assert load_settings(str(file), {}).settings.panel.style == "clipped"


@pytest.mark.parametrize(
    ("overrides", "style"),
    [
        ({}, "overlay"),
        ({"method": "smoothgrad"}, "overlay"),
        ({"method": "grad_cam"}, "auto"),
        ({"method": "hires_cam", "panel.quality": 90}, "auto"),
        ({"panel.columns": ("image", "gradients", "layer_cam")}, "auto"),
        ({"method": "grad_cam", "panel.style": "overlay"}, "overlay"),
        ({"method": "grad_cam", "panel.preset": "published"}, "overlay"),
        ({"method": "grad_cam_plus_plus", "panel.preset": "notebook"}, "clipped"),
    ],
)
@pytest.mark.usefixtures("empty_folder")
def test_coarse_maps_have_a_style_of_their_own_unless_one_is_given(
    overrides: dict[str, object], style: str
) -> None:
    assert load_settings(None, overrides).settings.panel.style == style


def test_the_style_auto_depends_on_the_map() -> None:
    options = PanelOptions(style="auto", sign="positive")
    assert options.for_map(coarse=True).style == "blended_heat_map"
    assert options.for_map(coarse=False).style == "overlay"
    assert options.for_map(coarse=True).sign == "positive"
    assert PanelOptions(style="windowing").for_map(coarse=True).style == "windowing"
