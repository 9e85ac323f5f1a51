"""Attribution to layers: whose space baselines and references are in, several layers at a time."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

import igcli
from igcli.api.per_example import parse_input_range
from igcli.errors import ModelError
from igcli.models.adapters.layer_hook import LayerSide

layers = keras.layers
Double = npt.NDArray[np.float64]


def values(*shape: int, seed: int = 1) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def scaled() -> Any:
    """Pixels 0...255 scaled to -1...1 by a layer, then a small network."""
    keras.utils.set_random_seed(1)
    pixels = keras.Input((6, 6, 3))
    x = layers.Rescaling(1 / 127.5, -1, name="scaled")(pixels)
    x = layers.Conv2D(4, 3, activation="tanh", name="first")(x)
    x = layers.Conv2D(4, 1, activation="tanh", name="second")(x)
    x = layers.Flatten()(x)
    return keras.Model(pixels, layers.Dense(3, activation="softmax")(x))


PIXELS = np.random.default_rng(2).uniform(0, 255, (3, 6, 6, 3)).astype(np.float32)


@pytest.mark.parametrize(
    "baseline",
    [
        np.zeros_like(PIXELS),
        "white",
        {"kind": "noise", "samples": 3},
    ],
)
def test_behind_a_scaling_attributions_are_those_of_the_inputs(baseline: Any, scaled: Any) -> None:
    options: dict[str, Any] = {"baseline": baseline, "target": 1, "steps": 40, "seed": 4}
    inputs = igcli.attribute(scaled, PIXELS, **options)
    largest = float(np.abs(inputs.attributions).max())
    sides: tuple[tuple[str, LayerSide], ...] = (("scaled", "output"), ("first", "input"))
    for name, side in sides:
        layer = igcli.attribute(scaled, PIXELS, layer=name, layer_side=side, **options)
        np.testing.assert_allclose(
            layer.attributions, inputs.attributions, atol=1e-4 * largest, err_msg=name
        )
        np.testing.assert_allclose(layer.baseline_scores, inputs.baseline_scores, rtol=1e-4)


def test_a_baseline_may_be_a_layers_own(scaled: Any) -> None:
    options: dict[str, Any] = {"target": 1, "steps": 40, "layer": "scaled"}
    result = igcli.attribute(scaled, PIXELS, baseline_space="layer", **options)
    gray = igcli.attribute(scaled, PIXELS, baseline=127.5, **options)
    np.testing.assert_allclose(result.attributions, gray.attributions, atol=1e-6)
    given = igcli.attribute(
        scaled, PIXELS, baseline=np.full((6, 6, 3), -1), baseline_space="layer", **options
    )
    black = igcli.attribute(scaled, PIXELS, **options)
    np.testing.assert_allclose(given.attributions, black.attributions, atol=1e-6)


def test_references_at_a_layer_are_any_number_of_inputs(scaled: Any) -> None:
    drawn = np.random.default_rng(3).uniform(0, 255, (40, 6, 6, 3)).astype(np.float32)
    options: dict[str, Any] = {
        "method": "expected_gradients",
        "target": 1,
        "expected_gradients": {"samples": 800},
    }
    layer = igcli.attribute(scaled, PIXELS[:1], layer="scaled", references=drawn, **options)
    own = igcli.attribute(
        scaled,
        PIXELS[:1],
        layer="scaled",
        references=drawn / 127.5 - 1,
        baseline_space="layer",
        **options,
    )
    largest = float(np.abs(layer.attributions).max())
    np.testing.assert_allclose(own.attributions, layer.attributions, atol=1e-4 * largest)
    inputs = igcli.attribute(scaled, PIXELS[:1], references=drawn, **options)
    np.testing.assert_allclose(layer.attributions, inputs.attributions, atol=0.1 * largest)
    assert layer.baseline_scores[0] == pytest.approx(inputs.baseline_scores[0], rel=1e-4)


def test_references_go_with_each_examples_own_arguments() -> None:
    dense = layers.Dense(2, use_bias=False, name="dense")

    class Gated(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = dense

        def call(self, x: Any, gate: Any = None) -> Any:
            return tf.reduce_sum(self.dense(x * gate) ** 2, 1, keepdims=True)

    model = Gated()
    rows, gate, drawn = values(2, 3), values(2, 3, seed=2), values(3, 3, seed=3)
    model(rows, gate=gate)
    weights = dense.get_weights()[0].astype(np.float64)
    result = igcli.attribute(
        model,
        rows,
        target=1,
        layer="dense",
        call_kwargs={"gate": gate},
        method="expected_gradients",
        references=drawn,
        expected_gradients={"samples": 3000},
    )
    for row in range(2):
        end, starts = (rows[row] * gate[row]) @ weights, (drawn * gate[row]) @ weights
        expected = (end**2 - starts**2).mean(0)  # Of a sum of squares.
        np.testing.assert_allclose(
            result.attributions[row], expected, atol=0.02 * np.abs(expected).max()
        )
    with pytest.raises(ValueError, match=r"references: have shapes \(\(2,\),\), expected"):
        igcli.attribute(
            model, rows, layer="dense", method="expected_gradients", references=drawn[:, :2],
            call_kwargs={"gate": gate},
        )  # fmt: skip


# --- Several layers.


@pytest.fixture(scope="module")
def embedded() -> Any:
    """Words and their places, each with an embedding; a score quadratic in their sum."""
    keras.utils.set_random_seed(3)
    words = keras.Input((4,), dtype="int32", name="words")
    places = keras.Input((4,), dtype="int32", name="places")
    one = layers.Embedding(9, 5, name="word")(words)
    other = layers.Embedding(4, 5, name="place")(places)
    x = layers.Flatten()(layers.Add()([one, other]))
    x = layers.Dense(6, use_bias=False)(x)
    return keras.Model([words, places], layers.Lambda(lambda z: z**2)(x))


def test_several_layers_are_on_their_ways_together(embedded: Any) -> None:
    words = np.array([[1, 2, 3, 4], [8, 7, 6, 5]], np.int32)
    places = np.tile(np.arange(4, dtype=np.int32), (2, 1))
    result = igcli.attribute(
        embedded, [words, places], layer=["word", "place"], baseline=[0, 3], target=2, steps=20
    )
    assert [array.shape for array in result.attributions] == [(2, 4, 5), (2, 4, 5)]
    tables = [embedded.get_layer(name).get_weights()[0] for name in ("word", "place")]
    column = embedded.layers[-2].get_weights()[0][:, 2].astype(np.float64).reshape(4, 5)
    for row in range(2):
        ends = [tables[0][words[row]], tables[1][places[row]]]
        starts = [np.tile(tables[0][0], (4, 1)), np.tile(tables[1][3], (4, 1))]
        # Of u**2 with u linear: (end - start) * weight * (u + u').
        both = sum((column * (a + b)).sum() for a, b in zip(ends, starts, strict=True))
        for attributions, a, b in zip(result.attributions, ends, starts, strict=True):
            np.testing.assert_allclose(
                attributions[row], (a - b) * column * both, rtol=2e-4, atol=1e-7
            )
    assert (result.completeness_errors < 1e-4).all()


def test_layers_of_which_one_lies_behind_another_are_refused(scaled: Any) -> None:
    for pair in (["first", "second"], ["second", "first"]):
        with pytest.raises(ValueError, match="layer: second depends on first: attribute to each"):
            igcli.attribute(scaled, PIXELS, layer=pair)
    with pytest.raises(ValueError, match="several different ones"):
        igcli.attribute(scaled, PIXELS, layer=["first", scaled.get_layer("first")])


def test_a_baseline_that_the_model_cannot_take_is_told(embedded: Any) -> None:
    words = np.ones((1, 4), np.int32)
    with pytest.raises(ModelError, match="model: the call failed: "):
        igcli.attribute(embedded, [words, words], layer="word", baseline=[99, 0])


# --- Where named baselines lie.


def squares(x: Any) -> Any:
    return tf.reduce_sum(x**2, [1, 2, 3])[:, None]


UNIT = np.random.default_rng(5).uniform(0, 1, (2, 5, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("span", [(0, 1), (-3.5, 2)])
def test_named_baselines_follow_the_range_of_inputs(span: tuple[float, float]) -> None:
    low, high = span
    inputs = (low + (high - low) * UNIT).astype(np.float32)

    def attribution(baseline: Any, **options: Any) -> Any:
        return igcli.attribute(
            squares, inputs, baseline=baseline, input_range=span, steps=2, **options
        )

    for name, level in (("black", 0), ("white", 255), ("gray", 128), ("#808080", 128)):
        expected = low + (high - low) * level / 255
        result = attribution(name)
        np.testing.assert_allclose(
            result.attributions, inputs**2.0 - expected**2, rtol=1e-3, atol=1e-4 * (high - low) ** 2
        )
        assert result.explanations[0].baseline.max() == pytest.approx(expected, rel=1e-6)
    drawn = attribution("noise").explanations[0].baseline
    assert low <= drawn.min() < low + 0.15 * (high - low)
    assert high - 0.15 * (high - low) < drawn.max() <= high
    again = attribution({"kind": "noise", "samples": 2}).explanations[0].baseline
    np.testing.assert_array_equal(again, drawn)


def test_without_a_range_black_is_zero_and_others_are_refused_where_it_is_not_0_to_255() -> None:
    signed = 2 * UNIT - 1
    for inputs, shown in ((UNIT, "0, 1"), (signed, "-1, 1")):
        zero = igcli.attribute(squares, inputs, steps=2)
        np.testing.assert_allclose(zero.attributions, inputs**2, rtol=1e-4, atol=1e-6)
        for name in ("white", "gray", "#ff0000") if shown == "0, 1" else ("noise",):
            with pytest.raises(ValueError, match=rf"baseline: .*input_range=\({shown}\)"):
                igcli.attribute(squares, inputs, baseline=name)
    for inputs, name in ((UNIT, "mean"), (255 * UNIT, "noise")):
        result = igcli.attribute(squares, inputs, baseline=name)
        assert (result.completeness_errors < 0.01).all()


def test_ranges_are_two_rising_numbers() -> None:
    for wrong in ((1, 0), (0, np.inf), 1, "01", (0, 1, 2), ("a", "b")):
        with pytest.raises(ValueError, match="input_range: expected two rising numbers"):
            parse_input_range(wrong)
    model = igcli.load_model("demo")
    with pytest.raises(ValueError, match=r"input_range: a loaded model takes pixels 0\.\.\.255"):
        igcli.attribute(model, np.zeros((1, 224, 224, 3)), input_range=(0, 1))
