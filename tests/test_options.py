"""Settings in advice: as a key of YAML and as an option, whoever gives it."""

import ast
import re
from pathlib import Path

import pytest

from igcli.config.keys import walk
from igcli.config.schema import KEYS
from igcli.options import setting

PACKAGE = Path(__file__).parents[1] / "igcli"

MODEL = "|".join(key.name for key in walk(KEYS) if key.path[0] == "model" and key.path[1:])

ADVICE = re.compile(rf"\b(set|add|give|name|with|use|choose|as) ({MODEL}|explain: [a-z])")


@pytest.mark.parametrize(
    ("arguments", "typed", "text"),
    [
        (("model.output",), None, "model.output (--model-output)"),
        (("steps", "auto"), None, "steps: auto (--steps auto)"),
        (
            ("model.custom_objects", "a.py"),
            None,
            "model.custom_objects: a.py (--model-custom-objects a.py)",
        ),
        (("model.size", "[2, 3]"), "2,3", "model.size: [2, 3] (--model-size 2,3)"),
    ],
)
def test_a_setting_in_advice(arguments: tuple[str, ...], typed: str | None, text: str) -> None:
    assert setting(*arguments, typed=typed) == text


def test_advice_names_the_option_that_exists() -> None:
    for key in walk(KEYS):
        assert setting(key.name) in [f"{key.name} ({flag})" for flag in key.flags]


def texts(path: Path) -> list[str]:
    """Return the texts of a module other than docstrings, f-strings without their values."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return [
        node.value
        for node in constants
        if isinstance(node.value, str) and id(node) not in docstrings
    ]


def test_no_advice_names_the_key_alone() -> None:
    found = [
        f"{path.relative_to(PACKAGE)}: {match[0]}"
        for path in PACKAGE.rglob("*.py")
        for text in texts(path)
        for match in ADVICE.finditer(text)
    ]
    assert found == []
