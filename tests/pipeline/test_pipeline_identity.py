"""What the fingerprint of a run's settings is made of."""

import pytest

from igcli.config.load import load_settings
from igcli.pipeline.identity import LATER, config_sha256, values_of


@pytest.mark.parametrize(
    ("settings", "sha256"),
    [
        ({}, "f154c7a462fc38265f06a58ed9f377f21e310f77d8bbe8a083a59249de0ab344"),
        (
            {"model": "keras:ResNet50", "steps": "auto"},
            "725d954300617980d42fe28d92cfeee5947d914bbb3613bea81cde035b2cddd3",
        ),
    ],
)
def test_results_of_before_a_setting_came_stay_results(
    settings: dict[str, object], sha256: str
) -> None:
    # As igcli 0.1.0 computed them before there were the settings of LATER.
    assert config_sha256(load_settings(None, settings).settings) == sha256


@pytest.mark.parametrize(
    ("key", "value"),
    [("model.resample", "area"), ("model.resample", "nearest"), ("model.activation", "softmax")],
)
def test_settings_that_came_later_count(key: str, value: object) -> None:
    changed = load_settings(None, {key: value}).settings
    assert config_sha256(changed) != config_sha256(load_settings(None, {}).settings)


def test_settings_that_came_later_have_the_defaults_that_stand_for_before() -> None:
    defaults = dict(values_of(load_settings(None, {}).settings))
    assert {name: defaults[name] for name in LATER} == dict(LATER)
