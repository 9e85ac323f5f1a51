"""What the fingerprint of a run's settings is made of."""

from pathlib import Path

import pytest

from igcli.config.load import load_settings
from igcli.pipeline.resume.fingerprint import config_sha256


def fingerprint(**settings: object) -> str:
    named = {name.replace("__", "."): value for name, value in settings.items()}
    return config_sha256(load_settings(None, named).settings)


@pytest.mark.parametrize(
    "changed",
    [
        {"model__resample": "area"},
        {"model__resample": "nearest"},
        {"model__activation": "softmax"},
        {"model__feeds": {"keep_prob": 1.0}},
        {"model__custom_objects": "keras_layers_of_mine"},
        {"steps": 20},
    ],
)
def test_what_alters_attributions_counts(changed: dict[str, object]) -> None:
    assert fingerprint(**changed) != fingerprint()


def test_what_alters_none_does_not_count() -> None:
    free = {"output": "elsewhere", "batch_size": 8, "device": "cpu", "panel__style": "heat_map"}
    assert fingerprint(**free) == fingerprint()


def test_code_counts_by_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.py").write_text("first = 1\n")
    (tmp_path / "two.py").write_text("first = 1\n")
    one, two = (fingerprint(model__custom_objects=f"{name}.py") for name in ("one", "two"))
    assert one == two
    (tmp_path / "two.py").write_text("first = 2\n")
    assert fingerprint(model__custom_objects="two.py") != one
