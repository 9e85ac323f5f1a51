"""The Python interface, for any input."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

import igcli
from igcli.errors import IgcliError, ImageError, ModelError
from igcli.models.network.network import TensorFlowNetwork

layers = keras.layers
Double = npt.NDArray[np.float64]


def values(*shape: int, seed: int = 1) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def assert_complete(result: igcli.Attribution[Any], tolerance: float = 0.01) -> None:
    sums = _sums(result.attributions)
    differences = result.scores - result.baseline_scores
    np.testing.assert_allclose(sums, differences, atol=tolerance * np.abs(differences).max())


def _sums(attributions: Any) -> Double:
    if isinstance(attributions, dict):
        attributions = list(attributions.values())
    if not isinstance(attributions, list):
        attributions = [attributions]
    sums: Double = sum(array.reshape(len(array), -1).sum(1, np.float64) for array in attributions)
    return sums


def slow(function: Any, x: Any, baseline: Any, steps: int = 400) -> Double:
    """Integrated gradients of one example by midpoints and a plain tape."""
    total = np.zeros(x.shape)
    for step in range(steps):
        point = tf.constant(baseline + (step + 0.5) / steps * (x - baseline), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(point)
            score = function(point[None])
        total += np.asarray(tape.gradient(score, point))
    return np.asarray((x - baseline) * total / steps, np.float64)


@pytest.mark.parametrize(
    ("baseline", "calls"),
    [
        ("black", [1, 8, 8]),
        (0.5, [1, 8, 8]),
        (values(6), [1, 8, 8]),
        (values(16, 6), [8, 8, 8, 8]),
        ("noise", [8, 8, 8, 8]),
    ],
)
def test_a_baseline_that_all_share_is_scored_once(
    baseline: Any, calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = values(6, 3)
    counted: list[int] = []
    predict = TensorFlowNetwork.predict

    def counting(network: TensorFlowNetwork, inputs: Any) -> Any:
        counted.append(len(inputs))
        return predict(network, inputs)

    monkeypatch.setattr(TensorFlowNetwork, "predict", counting)
    result = igcli.attribute(lambda x: x @ weights, values(16, 6), baseline=baseline, steps=2)
    assert counted == calls
    assert_complete(result)


# --- Iris: the example of the first Keras implementation.


@pytest.fixture(scope="module")
def iris() -> tuple[Any, Any, Any]:
    """A logistic regression with its data: the 150 flowers of Fisher 1936."""
    table = np.loadtxt(Path(__file__).parent / "iris.csv", delimiter=",", skiprows=1)
    rows, kinds = table[:, :4].astype(np.float32), table[:, 4].astype(np.int64)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.1), "sparse_categorical_crossentropy")
    model.fit(rows, kinds, epochs=40, batch_size=150, verbose=0)
    return model, rows, kinds


def test_iris_attributions_sum_to_the_score_difference(iris: tuple[Any, Any, Any]) -> None:
    model, rows, _ = iris
    result = igcli.attribute(model, rows, steps=100)
    scores = model(rows).numpy()
    np.testing.assert_array_equal(result.targets, scores.argmax(1))
    np.testing.assert_allclose(result.scores, scores.max(1), rtol=1e-4)
    start = model(np.zeros((1, 4), np.float32)).numpy()[0]
    np.testing.assert_allclose(result.baseline_scores, start[result.targets], rtol=1e-4)
    sums = result.attributions.sum(1)
    np.testing.assert_allclose(sums, result.scores - result.baseline_scores, atol=1e-3)
    assert result.attributions.shape == (150, 4)


def test_iris_baselines_of_every_kind(iris: tuple[Any, Any, Any]) -> None:
    model, rows, kinds = iris
    few = rows[::30]
    mean = rows.mean(0)
    for baseline in (mean, mean[None], np.tile(mean, (5, 1)), mean.tolist()):
        result = igcli.attribute(model, few, baseline=baseline, target=kinds[::30], steps=100)
        expected = slow(lambda x: model(x)[0, 1], few[2], mean)
        assert result.targets[2] == kinds[60] == 1
        np.testing.assert_allclose(result.attributions[2], expected, atol=1e-4)
    one = igcli.attribute(model, few, baseline=1, target=0, steps=100)
    np.testing.assert_allclose(
        one.attributions[0], slow(lambda x: model(x)[0, 0], few[0], 1.0), atol=1e-4
    )
    for name in ("white", "mean", "noise", {"kind": "noise", "samples": 3}):
        assert np.isfinite(igcli.attribute(model, few, baseline=name).scores).all()


def test_every_method_takes_rows(iris: tuple[Any, Any, Any]) -> None:
    model, rows, _ = iris
    for method in ("gradients", "smoothgrad", "idgi", "guided_integrated_gradients"):
        result = igcli.attribute(model, rows[:3], method=method, steps=20)
        assert result.attributions.shape == (3, 4)
    result = igcli.attribute(
        model,
        rows[::50],
        method="expected_gradients",
        references=rows,
        target=2,
        expected_gradients={"samples": 3000},
    )
    assert (result.completeness_errors < 0.1).all()
    with pytest.raises(ValueError, match="only images"):
        igcli.attribute(model, rows, method="blur_integrated_gradients")
    with pytest.raises(ValueError, match="no baselines to draw from"):
        igcli.attribute(model, rows, method="expected_gradients")
    with pytest.raises(ValueError, match="references: have shapes"):
        igcli.attribute(model, rows, method="expected_gradients", references=rows[:, :2])


# --- Several inputs, outputs and shapes.


@pytest.fixture(scope="module")
def branches() -> Any:
    """Two inputs of different shapes, two outputs: (N, 3) and (N, 4, 2)."""
    keras.utils.set_random_seed(2)
    a, b = keras.Input((3, 4), name="a"), keras.Input((5,), name="b")
    joined = layers.Concatenate()([layers.Flatten()(a), b])
    hidden = layers.Dense(8, activation="tanh", name="hidden")(joined)
    kinds = layers.Dense(3, activation="softmax", name="kinds")(hidden)
    grid = layers.Reshape((4, 2), name="grid")(layers.Dense(8)(hidden))
    return keras.Model([a, b], [kinds, grid])


def test_two_branches_have_a_baseline_each(branches: Any) -> None:
    a, b = values(6, 3, 4), values(6, 5, seed=2)
    result = igcli.attribute(branches, [a, b], baseline=[0, b[0]], output=0, steps=200)
    assert [array.shape for array in result.attributions] == [a.shape, b.shape]
    assert_complete(result)
    expected = branches([np.zeros_like(a), np.tile(b[0], (6, 1))])[0].numpy()
    np.testing.assert_allclose(
        result.baseline_scores, expected[np.arange(6), result.targets], rtol=1e-4
    )
    named = igcli.attribute(
        branches, {"a": a, "b": b}, baseline={"a": 0, "b": b[0]}, output="kinds", steps=200
    )
    for key, array in zip("ab", result.attributions, strict=True):
        np.testing.assert_allclose(named.attributions[key], array, atol=1e-6)


def test_noise_of_smoothgrad_is_of_each_inputs_range(branches: Any) -> None:
    a, b = values(2, 3, 4), 0 * values(2, 5)
    own = {"noise": 0.2, "samples": 5}
    result = igcli.attribute(branches, [a, b], output=0, method="smoothgrad", smoothgrad=own)
    assert result.attributions[0].any()
    assert not result.attributions[1].any()  # No range, no noise, and zero times its gradient.


def test_noise_in_levels_leaves_what_travels_along_alone() -> None:
    x, gate = values(6, 4), values(6, 4, seed=2)

    def gated(rows: Any, gate: Any) -> Any:
        return tf.reduce_sum(rows * gate, 1)

    # Of a linear score: whatever the noise, the gradient is the example's own gate.
    for method, own in (("smoothgrad", {"samples": 3}), ("expected_gradients", {"samples": 40})):
        result = igcli.attribute(
            gated,
            x,
            method=method,
            call_kwargs={"gate": gate},
            references=x,
            multiply_by_input=False,
            **{method: {**own, "noise_levels": 50.0}},  # type: ignore[arg-type]
        )
        np.testing.assert_allclose(result.attributions, gate, rtol=1e-4)


def test_targets_of_rank_two_choose_among_outputs_of_rank_three(branches: Any) -> None:
    a, b = values(3, 3, 4), values(3, 5, seed=2)
    targets = np.array([[0, 1], [3, 0], [2, 1]])
    result = igcli.attribute(branches, [a, b], output="grid", target=targets, steps=100)
    grid = branches([a, b])[1].numpy()
    np.testing.assert_allclose(
        result.scores, grid[np.arange(3), targets[:, 0], targets[:, 1]], rtol=1e-4
    )
    np.testing.assert_array_equal(result.targets, targets)
    assert_complete(result)
    same = igcli.attribute(branches, [a, b], output="grid", target=(3, 0), steps=100)
    np.testing.assert_allclose(same.attributions[0][1], result.attributions[0][1], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "output: the model has 2"),
        ({"output": "nix"}, "output: the model has 2"),
        ({"output": 2}, "output: the model has 2"),
        ({"output": 1}, r"target: the output of an example has shape \(4, 2\): choose"),
        ({"output": 1, "target": 3}, r"target: has shape \(\), expected indices \(N, 2\)"),
        ({"output": 1, "target": (4, 0)}, r"target: \(4, 0\) of input 0 is out of range"),
        ({"output": 0, "target": 3}, "target: 3 of input 0 is out of range"),
        ({"output": 0, "target": -1}, "target: -1 of input 0 is out of range"),
        ({"output": 0, "target": [0, 1, 9]}, "target: 9 of input 2 is out of range"),
        ({"output": 0, "target": [0, 1]}, r"target: has shape \(2,\), expected an index"),
        ({"output": 0, "target": 0.5}, "target: expected integers, got float64"),
        ({"output": 0, "target": "cat"}, "'cat' is not an index, and the network has no labels"),
        ({"output": 0, "baseline": [0]}, "baseline: expected one for all inputs"),
        ({"output": 0, "baseline": [0, np.zeros(4)]}, r"baseline: has shape \(4,\), expected"),
        ({"output": 0, "baseline": "nix"}, "baseline: must be black, .*, not 'nix'"),
        ({"output": 0, "baseline": "blurr"}, r"did you mean blur\?"),
        ({"output": 0, "baseline": np.nan}, "baseline: holds NaN or infinite values"),
        ({"output": 0, "steps": 0}, "steps: must be"),
        ({"output": 0, "stepz": 5}, "stepz: unknown key; did you mean steps"),
        ({"output": 0, "method": "nix"}, "method: must be .*, not 'nix'"),
        (
            {"output": 0, "layer": "hiden"},
            "layer: the model has no layer 'hiden'; some of its layers are hidden",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    branches: Any, options: dict[str, Any], message: str
) -> None:
    inputs = [values(3, 3, 4), values(3, 5)]
    with pytest.raises((ValueError, IgcliError), match=message) as caught:
        igcli.attribute(branches, inputs, **options)
    assert "\n" not in str(caught.value)


def test_inputs_that_are_not_finite_or_differ_in_number_are_refused(branches: Any) -> None:
    a, b = values(3, 3, 4), values(3, 5)
    b[1, 2] = np.inf
    with pytest.raises(ValueError, match="inputs: row 1 holds NaN or infinite values"):
        igcli.attribute(branches, [a, b], output=0)
    with pytest.raises(ValueError, match=r"as many of each input, got 3, 2"):
        igcli.attribute(branches, [a, b[:2]], output=0)
    with pytest.raises(ValueError, match="at least one example"):
        igcli.attribute(branches, [a[:0], b[:0]], output=0)
    with pytest.raises(ValueError, match="expected numbers"):
        igcli.attribute(lambda x: x, np.array([["a"]]))
    with pytest.raises(ValueError, match="model: expected a Keras model or a callable, got int"):
        igcli.attribute(3, a)  # type: ignore[arg-type]


# --- Layers.


@pytest.fixture(scope="module")
def text() -> Any:
    """A classifier of sentences of eight words, zero for none."""
    keras.utils.set_random_seed(3)
    words = keras.Input((8,), dtype="int32", name="words")
    x = layers.Embedding(20, 6, mask_zero=True, name="embedding")(words)
    x = layers.GRU(5, name="gru")(x)
    return keras.Model(words, layers.Dense(2, activation="softmax")(x))


def test_a_text_classifier_is_attributed_to_its_embedding(text: Any) -> None:
    words = np.random.default_rng(4).integers(1, 20, (5, 8)).astype(np.int32)
    words[3, 5:] = 0
    result = igcli.attribute(text, words, layer="embedding", steps=200)
    assert result.attributions.shape == (5, 8, 6)
    np.testing.assert_allclose(result.scores, text(words).numpy().max(1), rtol=1e-4)
    assert_complete(result)
    assert not result.attributions[3, 5:].any()  # Masked: no word, no attribution.
    padded = igcli.attribute(
        text, words, layer="embedding", baseline=np.zeros((5, 8), np.int32), steps=200
    )
    table = text.get_layer("embedding").get_weights()[0]
    np.testing.assert_allclose(
        padded.explanations[0].baseline[:-1].reshape(8, 6), np.tile(table[0], (8, 1)), rtol=1e-5
    )
    assert_complete(padded)
    assert "call" not in vars(text.get_layer("embedding"))


def test_words_themselves_have_no_gradient(text: Any) -> None:
    with pytest.raises(ModelError, match="no gradient"):
        igcli.attribute(text, np.ones((2, 8), np.int32))


def test_a_layers_input_and_output_by_hand(branches: Any) -> None:
    a, b = values(2, 3, 4), values(2, 5, seed=2)
    options: dict[str, Any] = {"output": 0, "target": 1, "steps": 200}
    kinds = branches.get_layer("kinds")
    inside = igcli.attribute(branches, [a, b], layer=kinds, layer_side="input", **options)
    outside = igcli.attribute(branches, [a, b], layer="hidden", **options)
    np.testing.assert_allclose(inside.attributions, outside.attributions, atol=1e-6)
    hidden = np.tanh(
        np.concatenate([a.reshape(2, -1), b], 1) @ branches.get_layer("hidden").get_weights()[0]
    )
    expected = slow(lambda x: kinds(x)[0, 1], hidden[0], np.zeros(8))
    np.testing.assert_allclose(inside.attributions[0], expected, atol=1e-4)


def test_a_layer_that_is_called_twice_is_refused() -> None:
    shared = layers.Dense(3, name="shared")
    x = keras.Input((3,))
    model = keras.Model(x, shared(shared(x)))
    with pytest.raises(ModelError, match="shared is called 2 times"):
        igcli.attribute(model, values(2, 3), layer="shared")


# --- Arguments that travel along, subclassed models, functions.


class Gated(keras.Model):  # type: ignore[misc]
    """Takes a gate for each example, a scale for all and a switch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax", name="dense")

    def call(self, inputs: Any, gate: Any = None, scale: float = 1.0, flip: bool = False) -> Any:
        x = inputs * gate * scale
        return self.dense(-x if flip else x)


def test_arguments_travel_with_their_examples() -> None:
    keras.utils.set_random_seed(5)
    model = Gated()
    x, gate = values(30, 4), values(30, 4, seed=6)
    model(x, gate=gate)
    call = {"gate": gate, "scale": 2.0, "flip": True}
    result = igcli.attribute(model, x, call_kwargs=call, steps=100, batch_size=7)
    np.testing.assert_allclose(result.scores, model(x, **call).numpy().max(1), rtol=1e-4)
    for row in (0, 13, 29):
        one = igcli.attribute(
            model, x[row : row + 1], call_kwargs={**call, "gate": gate[row : row + 1]}, steps=100
        )
        np.testing.assert_allclose(one.attributions[0], result.attributions[row], atol=1e-6)
    for method in ("smoothgrad", "idgi", "guided_integrated_gradients", "expected_gradients"):
        other = igcli.attribute(
            model, x[:4], method=method, call_kwargs={**call, "gate": gate[:4]}, references=x[5:9]
        )
        assert other.attributions.shape == (4, 4)
    mean = igcli.attribute(model, x, call_kwargs=call, baseline="mean", steps=100)
    np.testing.assert_allclose(mean.explanations[2].baseline[:-1], x[2].mean(), rtol=1e-5)
    assert_complete(mean)


def test_a_plain_function_and_a_regression_head() -> None:
    weights = tf.Variable([1.0, -2.0, 3.0])
    x = values(4, 3)
    rank_one = igcli.attribute(lambda rows: tf.reduce_sum(rows**2 * weights, 1), x, steps=100)
    np.testing.assert_allclose(rank_one.attributions, x**2 * [1, -2, 3], rtol=1e-2, atol=1e-4)
    np.testing.assert_array_equal(rank_one.targets, 0)
    keras.utils.set_random_seed(6)
    model = keras.Sequential(
        [keras.Input((3,)), layers.Dense(8, activation="softplus"), layers.Dense(1)]
    )
    result = igcli.attribute(model, x, target=1, baseline=x.mean(0), steps=200)
    np.testing.assert_allclose(result.scores, model(x).numpy()[:, 0], rtol=1e-4)
    assert_complete(result)


def test_a_sequence_of_embeddings() -> None:
    keras.utils.set_random_seed(8)
    model = keras.Sequential([keras.Input((7, 4)), layers.LSTM(5), layers.Dense(3)])
    result = igcli.attribute(model, values(3, 7, 4), target=[0, 1, 2], steps=100)
    assert result.attributions.shape == (3, 7, 4)
    assert_complete(result)


def test_results_do_not_depend_on_the_batch_size(branches: Any) -> None:
    inputs = [values(5, 3, 4), values(5, 5, seed=2)]
    one, other = (igcli.attribute(branches, inputs, output=0, batch_size=size) for size in (1, 16))
    for first, second in zip(one.attributions, other.attributions, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5 * float(np.abs(first).max()))


# --- What cannot be attributed is said.


def test_undefined_errors_and_flat_networks_are_warned_of() -> None:
    def constant(x: Any) -> Any:
        return tf.stack([tf.reduce_sum(0.0 * x, 1) + 0.25, tf.reduce_sum(0.0 * x, 1) + 0.75], 1)

    result = igcli.attribute(constant, values(2, 3))
    assert np.isnan(result.completeness_errors).all()
    assert not result.attributions.any()
    for warnings in result.warnings:
        text = "; ".join(warnings)
        assert "completeness error undefined" in text
        assert "the gradient is zero everywhere" in text
        assert "the baseline itself is classified with confidence: 0.75 for output 1" in text


def test_scores_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ImageError, match="not finite"):
        igcli.attribute(lambda x: tf.math.log(x - 5.0), values(2, 3))


# --- Loaded networks.


def test_a_loaded_network_takes_pixels_and_labels(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\nowl\n")
    model = igcli.load_model(str(tiny_model), labels=str(tmp_path / "labels.txt"))
    images = np.random.default_rng(3).integers(0, 256, (3, 16, 16, 3))
    result = igcli.attribute(model, images, target="dog", steps=100)
    np.testing.assert_array_equal(result.targets, 1)
    assert_complete(result, 0.05)
    original = keras.saving.load_model(tiny_model)
    same = igcli.attribute(original, images.astype(np.float32), target=1, steps=100)
    largest = float(np.abs(result.attributions).max())
    np.testing.assert_allclose(same.attributions, result.attributions, atol=1e-4 * largest)
    with pytest.raises(ValueError, match=r"expected \(N, 16, 16, 3\)"):
        igcli.attribute(model, images[:, :8])
    with pytest.raises(ValueError, match="need the Keras model itself"):
        igcli.attribute(model, images, layer="dense")
    with pytest.raises(IgcliError, match="no label 'dgo'; did you mean dog"):
        igcli.attribute(model, images, target="dgo")
    blurred = igcli.attribute(model, images, method="blur_integrated_gradients", baseline="blur")
    assert blurred.attributions.shape == images.shape


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("device", "tpu", "must be auto, all, cpu, gpu or numbers as in gpu:0,2, not 'tpu'"),
        ("explain", "logits", "unknown name 'logits'; did you mean logit.*"),
        ("precision", "bf16", "unknown name 'bf16'; did you mean bfloat16.*"),
    ],
)
def test_choices_that_do_not_exist_are_refused(key: str, value: str, says: str) -> None:
    options: dict[str, Any] = {key: value}
    with pytest.raises((ValueError, IgcliError), match=f"^{key}: {says}$"):
        igcli.load_model("demo", **options)


def test_gradients_that_are_not_finite_are_refused() -> None:
    # The square root's slope at the baseline, zero, is infinite; its scores are all finite.
    def roots(x: Any) -> Any:
        return tf.stack([tf.reduce_sum(tf.sqrt(x), [1, 2, 3]), tf.reduce_sum(x, [1, 2, 3])], 1)

    with pytest.raises(ImageError, match="score or gradient of the network is NaN or inf"):
        igcli.attribute(roots, np.ones((1, 4, 4, 3), np.float32), target=0, steps=4)
