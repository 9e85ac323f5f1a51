"""Options of the pictures: strict, with the registry's names, light to import; their presets."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from igcli.render import styles
from igcli.render.options import PRESETS, GifOptions, PanelOptions


def test_published_defaults() -> None:
    panel, gif = PanelOptions(), GifOptions()
    assert (panel.style, panel.polarity, panel.format, panel.quality) == (
        "overlay",
        "positive",
        "jpg",
        95,
    )
    assert panel.columns == ("image", "label", "method")
    assert (gif.style, gif.frame_ms, gif.loop) == ("windowing", 500, 0)


def test_yaml_lists_become_columns() -> None:
    assert PanelOptions.model_validate({"columns": ["image", "label"]}).columns == (
        "image",
        "label",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"columns": []},
        {"columns": "image"},
        {"columns": [1]},
        {"style": "nope"},
        {"polarity": "all"},
        {"format": "gif"},
        {"quality": 0},
        {"quality": 101},
        {"quality": "95"},
        {"quality": True},
        {"scale": "own"},
        {"scale": 0},
        {"scale": -1.0},
        {"scale": True},
        {"clip_above": 0},
        {"clip_below": 100},
        {"clip_above": 50, "clip_below": 50},
        {"headings": "none"},
        {"label_lines": ["labels"]},
        {"label_lines": "label"},
        {"unknown": 1},
    ],
)
def test_wrong_panels_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PanelOptions.model_validate(wrong)


@pytest.mark.parametrize(
    "wrong", [{"frame_ms": 0}, {"frame_ms": 19}, {"frame_ms": 0.5}, {"loop": -1}, {"loop": 65_536}]
)
def test_wrong_gifs_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        GifOptions.model_validate(wrong)


def test_the_error_names_the_styles() -> None:
    with pytest.raises(ValidationError, match="overlay") as caught:
        PanelOptions.model_validate({"style": "overlai"})
    assert all(name in str(caught.value) for name in styles.names())


def test_every_option_says_what_it_is() -> None:
    for options in (PanelOptions, GifOptions):
        for field in options.model_fields.values():
            assert field.description


def test_options_import_no_numpy() -> None:
    code = "import sys, igcli.render.options; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", PRESETS)
def test_presets_set_what_they_say(name: str) -> None:
    options = PanelOptions.model_validate({"preset": name})
    for key, value in PRESETS[name].items():
        assert getattr(options, key) == value


def test_the_default_look_is_the_published_one() -> None:
    assert PanelOptions.model_validate({"preset": "published"}) == PanelOptions()


def test_given_options_go_before_the_preset() -> None:
    options = PanelOptions.model_validate({"preset": "notebook", "clip_above": 90.0})
    assert (options.style, options.clip_above, options.clip_below) == ("clipped", 90, 58)


@pytest.mark.parametrize("name", PRESETS)
def test_resolved_options_can_be_fed_back(name: str) -> None:
    options = PanelOptions.model_validate({"preset": name})
    assert PanelOptions.model_validate(options.model_dump()) == options


@pytest.mark.parametrize("name", ["nope", "", 3, None, ["notebook"]])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(ValidationError):
        PanelOptions.model_validate({"preset": name})


def test_presets_of_a_style_set_the_same_options() -> None:
    by_style: dict[str, set[frozenset[str]]] = {}
    for preset in PRESETS.values():
        by_style.setdefault(preset["style"], set()).add(frozenset(preset))
    assert all(len(options) == 1 for options in by_style.values())
