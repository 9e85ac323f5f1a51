import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from igcli.config.schema import Settings
from igcli.integration.baseline_sampler import BaselineSampler
from igcli.integration.network import PointGradients, Points
from igcli.models.load import Model
from igcli.pipeline.calibration.precision import correlation, with_precision
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.image.context import Context
from igcli.records import Source
from support.networks import ClosedForm

SHAPE = (8, 8, 3)


class Rounding(ClosedForm):
    """A network whose bfloat16 takes its own time and has errors of its own size."""

    outputs = 2

    def __init__(self, seconds: float, error: float, *, has_bfloat16: bool = True) -> None:
        super().__init__(SHAPE)
        self.precision = "float32"
        self.has_bfloat16 = has_bfloat16
        self._seconds, self._error = seconds, error

    def gradients(self, points: Points, **wanted: bool) -> PointGradients:
        answer = super().gradients(points, **wanted)
        if self.precision == "float32":
            time.sleep(0.02)
            return answer
        time.sleep(self._seconds)
        noise = np.random.default_rng(0).normal(0, self._error, answer.summands.shape)
        summands = (answer.summands * (1 + noise)).astype(np.float32)
        return PointGradients(answer.scores, summands, summands, answer.slopes, answer.interior)


def context(network: Any) -> Context:
    settings = Settings(precision="auto", steps=4)
    model = Model("net", network, None, "", "CPU:0")
    plan = AttributionSpec(
        ("integrated_gradients",), settings, BaselineSampler.from_options(settings.baseline, seed=0)
    )
    nothing: Any = None  # Nothing is written.
    return Context(settings, "", model, plan, nothing, nothing, panels=False)


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    (tmp_path / "broken.png").write_bytes(b"no image")
    pixels = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
    Image.fromarray(pixels).save(tmp_path / "good.png")
    return [Source(str(tmp_path / name), name) for name in ("broken.png", "good.png", "none.png")]


@pytest.mark.parametrize(
    ("seconds", "error", "has_bfloat16", "chosen"),
    [
        (0.001, 1e-3, True, "bfloat16"),
        (0.001, 2.0, True, "float32"),  # Fast and wrong.
        (0.03, 1e-3, True, "float32"),  # Right and slow.
        (0.001, 1e-3, False, "float32"),
    ],
)
def test_bfloat16_is_taken_where_it_is_fast_and_right(
    sources: list[Source], seconds: float, error: float, has_bfloat16: bool, chosen: str
) -> None:
    network = Rounding(seconds, error, has_bfloat16=has_bfloat16)
    shared = context(network)
    yielded = list(with_precision(sources, shared, Engine(network, batch_size=5)))
    assert yielded == sources
    assert network.precision == chosen
    assert shared.model.precision == chosen


def test_correlation_is_pearsons() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 9, 7))
    assert correlation(one, other) == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1])
    assert correlation(one, 3 * one + 2) == pytest.approx(1)
    assert correlation(one, np.zeros_like(one)) == 0
