"""Networks with slow calculations of their own, and a method run on them."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from igcli import methods
from igcli.integration.network import Network
from igcli.methods import MethodOptions, References, Task
from igcli.models.network.network import TensorFlowNetwork
from igcli.pipeline.engine.engine import Engine
from igcli.records import Array, Explanation
from support.networks import ClosedForm

SHAPE = (6, 5, 3)
Double = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A network, and its score and gradient by other means."""

    network: Network
    target: int
    plain: Callable[[Double], tuple[float, Double]]

    def score(self, x: Double) -> float:
        return self.plain(x)[0]

    def gradient(self, x: Double) -> Double:
        return self.plain(x)[1]


def closed_form() -> Subject:
    network = ClosedForm(SHAPE)
    factors = network.factors.astype(np.float64) / 100

    def plain(x: Double) -> tuple[float, Double]:
        u = float((factors * x).sum()) * 100
        return u**3, 3 * u**2 * factors * 100

    return Subject(network, 1, plain)


def small_network() -> Subject:
    keras.utils.set_random_seed(4)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )

    kernel, bias, dense, offsets = (weights.astype(np.float64) for weights in model.get_weights())

    def plain(x: Double) -> tuple[float, Double]:
        windows = np.lib.stride_tricks.sliding_window_view(x / 255, (3, 3), axis=(0, 1))
        hidden = np.tanh(np.einsum("ijckl,klcf->ijf", windows, kernel) + bias)
        exponentials = np.exp(hidden.ravel() @ dense + offsets)
        scores = exponentials / exponentials.sum()
        logit_slopes = scores[2] * (np.eye(3)[2] - scores)
        hidden_slopes = (dense @ logit_slopes).reshape(hidden.shape) * (1 - hidden**2)
        gradient = np.zeros(SHAPE)
        for row, column in itertools.product(range(3), repeat=2):
            part = gradient[row : row + hidden.shape[0], column : column + hidden.shape[1]]
            part += hidden_slopes @ kernel[row, column].T / 255
        return float(scores[2]), gradient

    return Subject(TensorFlowNetwork(lambda x: model(x / 255, training=False), SHAPE), 2, plain)


def pixels(seed: int) -> Array:
    return np.random.default_rng(seed).uniform(0, 255, SHAPE).astype(np.float32)


def task(subject: Subject, **changes: Any) -> Task:
    image, baseline = pixels(1), pixels(2)
    inputs = [pixels(seed) for seed in range(10, 13)]
    scores = np.zeros((3, 3), np.float32)
    scores[:, subject.target] = [subject.score(array.astype(np.float64)) for array in inputs]
    known = {
        "score": subject.score(image.astype(np.float64)),
        "baseline_score": subject.score(baseline.astype(np.float64)),
        "references": References(inputs, scores),
    }
    return Task(image, changes.pop("baseline", baseline), subject.target, **known, **changes)  # type: ignore[arg-type]


def explain(
    name: str, subject: Subject, *, batch_size: int = 7, at: Task | None = None, **own: Any
) -> Explanation:
    options = MethodOptions.model_validate({"steps": own.pop("steps", 30), "seed": 5, **own})
    job = methods.load(name).attribute(at or task(subject), options)
    [explanation] = Engine(subject.network, batch_size=batch_size).run([job])
    return explanation


def assert_close(actual: Array, expected: Double, tolerance: float = 1e-4) -> None:
    assert np.abs(actual - expected).max() <= tolerance * np.abs(expected).max()
