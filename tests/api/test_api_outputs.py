"""Which score the Python interface explains: classes of single outputs, activations, targets."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

import igcli
from igcli.errors import IgcliError, ModelError

layers = keras.layers
WEIGHTS = np.array([[1.0], [-2.0], [0.5]], np.float32)
ROWS = np.array([[0.4, -0.3, 1.2], [-1.0, 0.2, 0.1], [0.7, 0.9, -0.4]], np.float32)
LOGITS = (ROWS @ WEIGHTS)[:, 0].astype(np.float64)
PROBABILITIES = 1 / (1 + np.exp(-LOGITS))


def one_unit(activation: str | None) -> Any:
    """A Keras model whose only output is x . w, or its sigmoid."""
    dense = layers.Dense(1, activation=activation, use_bias=False)
    model = keras.Sequential([keras.Input((3,)), dense])
    model.set_weights([WEIGHTS])
    return model


def line(x: Any) -> Any:
    return x @ WEIGHTS


@pytest.mark.parametrize(
    ("model", "options", "yes", "no"),
    [
        (one_unit("sigmoid"), {}, PROBABILITIES, 1 - PROBABILITIES),
        (one_unit(None), {}, LOGITS, -LOGITS),
        (one_unit(None), {"activation": "sigmoid"}, PROBABILITIES, 1 - PROBABILITIES),
        (one_unit(None), {"activation": "sigmoid", "explain": "logit"}, LOGITS, -LOGITS),
        (line, {"activation": "sigmoid"}, PROBABILITIES, 1 - PROBABILITIES),
        (lambda x: line(x)[:, 0], {"activation": "sigmoid"}, PROBABILITIES, 1 - PROBABILITIES),
        (lambda x: tf.sigmoid(line(x)), {"activation": "sigmoid"}, PROBABILITIES, None),
    ],
)
def test_a_single_output_has_two_classes(model: Any, options: Any, yes: Any, no: Any) -> None:
    no = 1 - yes if no is None else no
    result = igcli.attribute(model, ROWS, target=[1, 0, 1], steps=200, **options)
    np.testing.assert_allclose(result.scores, np.where([1, 0, 1], yes, no), rtol=1e-5)
    np.testing.assert_array_equal(result.targets, [1, 0, 1])
    sums = result.attributions.sum(1, np.float64)
    np.testing.assert_allclose(sums, result.scores - result.baseline_scores, atol=1e-4)
    top = igcli.attribute(model, ROWS, steps=5, **options)
    np.testing.assert_array_equal(top.targets, yes > no)
    with pytest.raises(ValueError, match="target: 2 of input 0 is out of range"):
        igcli.attribute(model, ROWS, target=2, **options)


def test_attributions_to_a_logit_are_weights_times_input() -> None:
    result = igcli.attribute(one_unit("sigmoid"), ROWS, target=1, explain="logit", steps=3)
    np.testing.assert_allclose(result.attributions, ROWS * WEIGHTS[:, 0], rtol=1e-5)


@pytest.mark.parametrize("function", [line, lambda x: tf.sigmoid(line(x))])
def test_a_function_of_one_output_stays_what_it_is(function: Any) -> None:
    result = igcli.attribute(function, ROWS, steps=5)
    np.testing.assert_allclose(result.scores, np.asarray(function(ROWS))[:, 0], rtol=1e-5)
    np.testing.assert_array_equal(result.targets, 0)
    with pytest.raises(ValueError, match="target: 1 of input 0 is out of range"):
        igcli.attribute(function, ROWS, target=1)


def test_softmax_is_added_once() -> None:
    weights = np.random.default_rng(2).normal(size=(3, 4)).astype(np.float32)
    logits = (ROWS @ weights).astype(np.float64)
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for function in (lambda x: x @ weights, lambda x: tf.nn.softmax(x @ weights)):
        result = igcli.attribute(function, ROWS, target=2, activation="softmax", steps=200)
        np.testing.assert_allclose(result.scores, expected[:, 2], rtol=1e-5)
        plain = igcli.attribute(
            function, ROWS, target=2, activation="softmax", explain="logit", steps=2
        )
        np.testing.assert_allclose(plain.attributions, ROWS * weights[:, 2], rtol=1e-5)
    labels = igcli.attribute(lambda x: x @ weights, ROWS, target=2, activation="sigmoid", steps=2)
    np.testing.assert_allclose(labels.scores, 1 / (1 + np.exp(-logits[:, 2])), rtol=1e-5)


def test_bfloat16_rounds_products() -> None:
    keras.utils.set_random_seed(3)
    hidden = [layers.Dense(64, activation="tanh") for _ in range(3)]
    model = keras.Sequential([keras.Input((64,)), *hidden, layers.Dense(5)])
    rows = np.random.default_rng(4).normal(size=(2, 64)).astype(np.float32)
    exact, rounded = (
        igcli.attribute(model, rows, target=1, precision=precision).attributions
        for precision in ("float32", "bfloat16")
    )
    error = np.linalg.norm(exact - rounded) / np.linalg.norm(exact)
    assert 1e-5 < error < 0.03  # A bfloat16 has 8 bits.


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ((1, 0), [(1, 0)] * 3),
        ([(1, 0), (0, 1), (1, 1)], [(1, 0), (0, 1), (1, 1)]),
        ([(1, 1)], [(1, 1)] * 3),
        (np.array([[0, 1]]), [(0, 1)] * 3),
    ],
)
def test_targets_are_tuples_one_a_row(target: Any, expected: list[tuple[int, int]]) -> None:
    weights = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)
    grid = lambda x: tf.reshape(x @ weights, [-1, 2, 2])  # noqa: E731
    result = igcli.attribute(grid, ROWS, target=target, steps=2)
    np.testing.assert_array_equal(result.targets, expected)
    places = np.array([2 * a + b for a, b in expected])
    np.testing.assert_allclose(result.attributions, ROWS * weights.T[places], rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "expected"),
    [(1, [1, 1, 1]), ([1], [1, 1, 1]), ([(2,)], [2, 2, 2]), ([(0,), (1,), (2,)], [0, 1, 2])],
)
def test_a_length_of_one_is_for_all(target: Any, expected: list[int]) -> None:
    weights = np.random.default_rng(5).normal(size=(3, 4)).astype(np.float32)
    result = igcli.attribute(lambda x: x @ weights, ROWS, target=target, steps=2)
    np.testing.assert_array_equal(result.targets, expected)
    np.testing.assert_allclose(result.attributions, ROWS * weights.T[expected], rtol=1e-5)


# --- What a model returns.


def filtered(x: Any) -> Any:
    sums = tf.reduce_sum(x, 1)
    return tf.boolean_mask(sums, sums > 1)


@pytest.mark.parametrize(
    ("function", "inputs", "message"),
    [
        (filtered, np.full((1, 3), 0.5), "1 for a batch of 8"),
        (filtered, np.full((3, 3), 0.5), "0 for a batch of"),
        (lambda x: tf.concat([x, x], 0), np.ones((2, 3)), "4 for a batch of 2"),
        (lambda x: tf.reduce_mean(x, 0, keepdims=True), np.ones((2, 3)), "1 for a batch of 2"),
        (lambda x: tf.reduce_sum(x), np.ones((2, 3)), "open batch dimension"),
        (lambda x: np.ones(len(x)), np.ones((2, 3)), "expected a tensor .* got ndarray"),
        (lambda x: tf.sparse.from_dense(x), np.ones((2, 3)), "got SparseTensor"),
        (lambda x: tf.constant(x.numpy()), np.ones((2, 3)), "the call failed: "),
        (lambda _: None, np.ones((2, 3)), "got NoneType"),
        (lambda x: x @ tf.constant(WEIGHTS, tf.float64), np.ones((2, 3)), "inputs are float32"),
        (lambda x: x @ np.ones((4, 1), np.float32), np.ones((2, 3)), "the call failed: "),
        (one_unit(None), np.ones((2, 5)), "model: the call failed: "),
    ],
)
def test_what_no_row_of_scores_comes_from_is_refused(
    function: Any, inputs: npt.NDArray[np.float64], message: str
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        igcli.attribute(function, inputs)
    assert str(caught.value).startswith("model: ")
    assert "\n" not in str(caught.value)


def test_a_filter_that_first_works_on_the_way_is_refused() -> None:
    # All rows pass at both ends, none in the middle, where only gradients are taken.
    def away_from_half(x: Any) -> Any:
        return tf.boolean_mask(tf.reduce_sum(x, 1), tf.abs(x[:, 0] - 0.5) > 0.1)

    with pytest.raises(ModelError, match="does not return one row of scores for each input"):
        igcli.attribute(away_from_half, np.ones((1, 3)), target=0, steps=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"explain": "logits"},
            "explain: unknown name 'logits'; did you mean logit",
        ),
        ({"explain": "logit"}, "does not end in a softmax"),
        ({"activation": "relu"}, "activation: must be softmax or sigmoid, not 'relu'"),
        ({"precision": "auto"}, "precision: must be float32 or bfloat16, not 'auto'"),
        ({"device": "tpu"}, "device: must be auto, all, cpu, gpu or numbers as in gpu:0,2"),
        ({"device": 3}, "device: must be auto, all, cpu, gpu or numbers as in gpu:0,2, not 3"),
        ({"call_kwargs": 3}, "call_kwargs: expected a mapping, got int"),
        ({"target": "top:2"}, "target: expected top, one index or one label, got top:2"),
        ({"batch_size": 0}, "batch_size: must be a whole number, 1 or more, not 0"),
        ({"baseline": None}, "baseline: expected a name, numbers or a mapping .*, got None"),
        ({"baseline": {"kind": "noise", "sample": 2}}, "baseline.sample: unknown key"),
        ({"baseline": {"kind": "noise", "samples": "x"}}, "baseline.samples: must be"),
        ({"layer": ["a"]}, "layer: the model has no layer 'a'"),
        ({"layer": [["a"]]}, "layer: expected a Keras layer or its name, got list"),
        ({"layer": 3}, "layer: expected a Keras layer or its name, got int"),
        ({"layer": []}, "layer: expected a layer, or several different ones"),
        (
            {"baseline_space": "layers"},
            "baseline_space: unknown name 'layers'; did you mean layer",
        ),
        ({"baseline_space": "layer"}, "baseline_space: layer: no layer was given"),
        ({"target": [[0], [0, 0]]}, "target: expected the same number of indices"),
        ({"multiply_by_input": 1}, "multiply_by_input: must be True or False"),
        ({"multiply_by_input": False, "method": "idgi"}, "multiply_by_input: idgi has no such"),
    ],
)
def test_arguments_that_are_wrong_are_named_in_one_line(options: Any, message: str) -> None:
    with pytest.raises((ValueError, IgcliError), match=message) as caught:
        igcli.attribute(one_unit(None), ROWS, **options)
    assert "\n" not in str(caught.value)


def test_however_many_calls_tensorflow_warns_of_no_tracing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tf.get_logger().setLevel("WARNING")  # As where TensorFlow was imported before igcli.
    images = np.ones((1, 4, 4, 3), np.float32)

    def squared_image(x: Any) -> Any:
        filters = tf.ones((2, 2, 3, 2))
        return tf.reduce_sum(tf.nn.conv2d(x, filters, 1, "SAME") ** 2, [1, 2])

    for steps in range(1, 8):
        igcli.attribute(squared_image, images, steps=steps)
    assert "retracing" not in caplog.text


def test_options_of_a_loaded_model_are_checked() -> None:
    with pytest.raises(ValueError, match=r"model\.fit: must be crop, squash or pad, not 'no'"):
        igcli.load_model("demo", fit="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"model\.lables: unknown key; did you mean labels"):
        igcli.load_model("demo", lables="x")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="explain: unknown name 'logits'; did you mean logit"):
        igcli.load_model("demo", explain="logits")  # type: ignore[arg-type]
    model = igcli.load_model("demo")
    image = np.zeros((1, 224, 224, 3))
    options: list[Any] = [
        {"explain": "logit"},
        {"activation": "softmax"},
        {"precision": "bfloat16"},
    ]
    for option in options:
        with pytest.raises(ValueError, match=r"pass device, explain, .* to igcli\.load_model"):
            igcli.attribute(model, image, **option)


def test_keys_of_the_method_are_arguments() -> None:
    inputs = np.full((1, 4), 0.5, np.float32)

    def squares(x: Any) -> Any:
        return tf.reduce_sum(x**2, 1)

    flat = igcli.attribute(squares, inputs, method="smoothgrad", samples=3, noise=0.0)
    named = igcli.attribute(
        squares, inputs, method="smoothgrad", smoothgrad={"samples": 3, "noise": 0.0}
    )
    both = igcli.attribute(
        squares, inputs, method="smoothgrad", noise=0.0, smoothgrad={"samples": 3}
    )
    for result in (flat, named, both):
        assert result.explanations[0].evaluations == 3
        np.testing.assert_allclose(result.attributions, 2 * inputs**2, rtol=1e-6)
    with pytest.raises(ValueError, match="samples"):
        igcli.attribute(squares, inputs, samples=3)
