"""Presets are looks that the options can be given one by one, too."""

import pytest
from pydantic import ValidationError

from igcli.render.options import PRESETS, PanelOptions


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
