"""Options of the pictures: strict, with the registry's names, light to import."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from igcli.render import styles
from igcli.render.options import GifOptions, PanelOptions


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
