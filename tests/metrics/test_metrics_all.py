"""What holds for every metric."""

import dataclasses
import math
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from igcli import metrics
from igcli.integration.requests import Computation, predict
from igcli.metrics import METRICS, MetricOptions, Subject
from igcli.records import Array
from support.measuring import linear, measured, subject_of

SHAPES = ((6, 8, 3), (6, 8, 1), (1, 1, 3), (1, 1, 1), (1, 9, 3))


def subjects() -> dict[str, Subject]:
    rng = np.random.default_rng(7)
    cases = {}
    for shape in SHAPES:
        image = rng.uniform(0, 255, shape).astype(np.float32)
        values = rng.normal(size=shape).astype(np.float32)
        inside = np.arange(shape[0] * shape[1]).reshape(shape[:2]) % 3 == 0
        name = "x".join(map(str, shape))
        constant = np.full(shape, 100.0, np.float32)
        cases[name] = subject_of(image, values, mask=inside)
        cases[f"{name} zero"] = subject_of(image, np.zeros_like(image), mask=inside)
        cases[f"{name} equal"] = subject_of(image, np.ones_like(image), mask=inside)
        cases[f"{name} negative"] = subject_of(image, -np.abs(values), mask=inside)
        cases[f"{name} constant image"] = subject_of(constant, values, mask=inside)
        cases[f"{name} no change"] = subject_of(image, values, score=0.0, mask=inside)
        cases[f"{name} baseline"] = subject_of(image, values, baseline=image, mask=inside)
        cases[f"{name} large"] = subject_of(image, values * 1e30, mask=inside)
        cases[f"{name} no mask"] = subject_of(image, values)
        cases[f"{name} full mask"] = subject_of(image, values, mask=inside | True)
    return cases


SUBJECTS = subjects()


@pytest.mark.parametrize("name", METRICS)
def test_its_module_says_what_it_is(name: str) -> None:
    metric = metrics.load(name)
    assert re.fullmatch(r"[A-Z][A-Za-z, -]+", metric.HEADING)
    assert metric.HIGHER_IS_BETTER in (True, False, None)
    assert {type(metric.NEEDS_MASK), type(metric.NEEDS_NETWORK), type(metric.COMPARES_SCALES)} == {
        bool
    }
    documentation: Any = metric.__doc__
    assert re.search(r"^Source: .* \d{4}", documentation, re.MULTILINE)


def test_headings_differ() -> None:
    headings = [metrics.load(name).HEADING for name in METRICS]
    assert len({*headings}) == len(headings)


def test_options_have_the_names_of_metrics() -> None:
    assert {*MetricOptions.model_fields} <= {*METRICS}


def test_options_do_not_import_numpy() -> None:
    code = "import sys; import igcli.metrics; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("case", SUBJECTS)
def test_its_value_is_finite_or_undefined(name: str, case: str) -> None:
    subject = SUBJECTS[case]
    found = measured(name, subject)
    assert found.value is None or math.isfinite(found.value)
    assert all(warning and "\n" not in warning for warning in found.warnings)
    assert len(found.warnings) <= 1
    if metrics.load(name).NEEDS_MASK and (subject.mask is None or subject.mask.all()):
        assert found.value is None
    if found.curve is not None:
        assert found.curve.shares.shape == found.curve.scores.shape
        assert (np.diff(found.curve.shares) >= 0).all()
        assert np.isfinite(found.curve.scores).all()


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_attributions_that_are_not_finite_have_no_value(name: str, value: float) -> None:
    subject = SUBJECTS["6x8x3"]
    attributions = subject.attributions.copy()
    attributions[2, 3, 1] = value
    found = measured(name, dataclasses.replace(subject, attributions=attributions))
    assert found.value is None
    assert found.warnings == ("undefined: attributions are not finite",)


@pytest.mark.parametrize(
    "name",
    [name for name in METRICS if metrics.load(name).NEEDS_NETWORK and name != "max_sensitivity"],
)
def test_scores_that_are_not_numbers_give_no_value(name: str) -> None:
    found = measured(name, SUBJECTS["6x8x3"], linear((6, 8, 3), math.nan))
    assert found.value is None
    assert len(found.warnings) == 1


@pytest.mark.parametrize("name", METRICS)
def test_it_changes_no_arrays_and_is_deterministic(name: str) -> None:
    subject = SUBJECTS["6x8x3"]

    fields: dict[str, Any] = {
        field: getattr(subject, field).copy()
        for field in ("image", "baseline", "attributions", "mask")
    }
    for array in fields.values():
        array.flags.writeable = False
    locked = dataclasses.replace(subject, **fields, replacements={})
    values = [measured(name, one).value for one in (locked, locked, subject)]
    assert values[0] == values[1] == values[2]


def attribute_again(image: Array) -> Computation[Array]:
    [scores] = yield from predict(image)
    return np.full_like(image, scores[0])


@pytest.mark.parametrize("name", METRICS)
def test_it_asks_the_network_if_it_says_so(name: str) -> None:
    metric = metrics.load(name)
    subject = dataclasses.replace(SUBJECTS["6x8x3"], attribute=attribute_again)
    requests = next(metric.measure(subject, MetricOptions()), None)
    assert (requests is not None) == metric.NEEDS_NETWORK
