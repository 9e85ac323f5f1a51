"""Presets: below what stands beside them, and an option's above the file's values."""

from pathlib import Path

from igcli.config.dump import template, to_yaml
from igcli.config.load import load_settings


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
