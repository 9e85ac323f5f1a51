"""The public names, their types as a type checker sees them, and the examples of the documents."""

import doctest
import inspect
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

import igcli
from igcli import errors
from igcli.api.types import LoadOptions
from igcli.models.options import ModelOptions

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".github" / "docs" / "examples" / "attribute_arrays.py"


def test_all_errors_are_public_and_every_public_name_is_there() -> None:
    error_names = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    assert "IgcliError" in error_names
    assert error_names <= set(igcli.__all__)
    assert set(igcli.__all__) <= set(dir(igcli))
    for name in igcli.__all__:
        assert getattr(igcli, name) is not None
    for name in error_names:
        assert issubclass(getattr(igcli, name), igcli.IgcliError)
    assert igcli.__version__ == metadata.version("igcli")
    with pytest.raises(AttributeError, match="'igcli' has no attribute 'atribute'"):
        igcli.atribute  # type: ignore[attr-defined]  # noqa: B018


def test_importing_igcli_imports_neither_tensorflow_nor_numpy() -> None:
    code = (
        "import sys, igcli; dir(igcli); igcli.__version__; igcli.UsageError; "
        "sys.exit(any(name in sys.modules for name in ('numpy', 'tensorflow', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_options_of_load_model_are_the_keys_of_model() -> None:
    assert set(LoadOptions.__annotations__) == set(ModelOptions.model_fields) - {"source"}


def test_users_programs_are_typed() -> None:
    """The static half of this test is the run of mypy over the tests."""
    rows = np.array([[1.0, 2.0]])
    result = igcli.attribute(lambda x: x**2, rows, target=1, baseline={"kind": "black"})
    assert_type(result, igcli.Attribution[npt.NDArray[Any]])
    assert_type(result.attributions, npt.NDArray[Any])
    assert_type(result.scores, npt.NDArray[np.float64])
    assert_type(result.explanations[0], igcli.Explanation)
    several = igcli.attribute(
        lambda inputs: inputs["a"] * inputs["b"], {"a": rows, "b": rows}, target=0, steps=2
    )
    assert_type(several.attributions, dict[str, npt.NDArray[Any]])
    assert set(several.attributions) == {"a", "b"}
    with pytest.raises(ValueError, match="steps: must be"):
        igcli.attribute(lambda x: x, rows, steps="many")  # type: ignore[arg-type]


@pytest.mark.parametrize("function", [igcli.load_model, igcli.attribute], ids=lambda f: f.__name__)
def test_examples_in_docstrings_are_true(function: Any) -> None:
    [test] = doctest.DocTestFinder(recurse=False).find(function, globs={})
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_the_example_script_prints_scores_and_saves_a_picture(tmp_path: Path) -> None:
    images = [ROOT / "sample_images" / name for name in ("nature/fish.png", "things/key.jpg")]
    command = [sys.executable, str(EXAMPLE), *map(str, images)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    lines = process.stdout.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("fish.png: fish 0.")
    assert lines[3].startswith("key.jpg: key 0.")
    assert all(float(line.rpartition(" ")[2]) < 0.05 for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["attributions.png"]
    with Image.open(tmp_path / "attributions.png") as picture:
        assert picture.size == (3 * 224, 2 * 224)
        assert np.ptp(np.asarray(picture)[:, 224:]) == 255
