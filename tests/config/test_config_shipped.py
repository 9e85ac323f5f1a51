from pathlib import Path

import pytest

from igcli.config.load import load_settings

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def test_there_are_configurations_to_start_from() -> None:
    names = {path.stem for path in CONFIGS}
    assert names >= {"inception_v1", "resnet50v2", "mobilenet"}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_configuration_is_valid_and_says_what_it_reproduces(path: Path) -> None:
    load_settings(str(path), {})
    assert "reproduces" in path.read_text().split("model:")[0].lower()
