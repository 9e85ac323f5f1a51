"""The test against a slow calculation with Keras, NumPy and a GradientTape."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.stats import spearmanr

from igcli.config.load import load_settings
from igcli.errors import ModelError
from igcli.records import Source
from igcli.sanity.randomization import RandomizationTest
from igcli.sanity.stages import stages_of
from igcli.sanity.summary import rows_of

STEPS = 4


def write_images(folder: Path, count: int = 3, side: int = 16) -> list[Source]:
    rng = np.random.default_rng(5)
    sources = []
    for number in range(count):
        path = folder / f"{number}.png"
        Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8)).save(path)
        sources.append(Source(str(path), path.name))
    return sources


def loaded_test(source: Path, *methods: str, **options: Any) -> RandomizationTest:
    settings = load_settings(None, {"model": str(source), "steps": STEPS, **options}).settings
    return RandomizationTest(settings, methods or (settings.method,))


def outcomes(test: RandomizationTest, sources: list[Source], mode: Any) -> list[list[Any]]:
    images = list(test.attribute(sources))
    stages = stages_of(test.model.layers, [mode], None)
    return [list(test.compare(stage, images)) for stage in stages]


def integrated_gradients(model: Any, image: Any, target: int) -> Any:
    """Return the channel mean of the trapezoid sum from black, one point after the other."""
    total = np.zeros_like(image)
    for step in range(STEPS + 1):
        point = tf.constant(image[None] * step / STEPS, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(point)
            score = model(point)[0, target]
        weight = (0.5 if step in (0, STEPS) else 1) / STEPS
        total += weight * tape.gradient(score, point).numpy()[0]
    return (total * image).mean(-1)


def permute(layer: Any, index: int, seed: int) -> None:
    layer.set_weights(
        [
            np.random.default_rng((seed, index, values.size))
            .permutation(values.ravel())
            .reshape(values.shape)
            for values in layer.get_weights()
        ]
    )


@pytest.mark.parametrize("mode", ["cascading", "independent"])
def test_correlations_are_those_of_weights_replaced_by_hand(
    tiny_model: Path, tmp_path: Path, mode: str
) -> None:
    sources = write_images(tmp_path)
    test = loaded_test(tiny_model, seed=3)
    found = outcomes(test, sources, mode)
    model = keras.models.load_model(tiny_model)
    own = model.get_weights()
    layers = [layer for layer in reversed(model.layers) if layer.weights]
    assert len(found) == len(layers) == 2
    pixels = {s.name: np.asarray(Image.open(s.path)).astype(np.float32) for s in sources}
    targets = {name: int(np.argmax(model(image[None]))) for name, image in pixels.items()}
    intact = {
        name: integrated_gradients(model, image, targets[name]) for name, image in pixels.items()
    }
    for index, (layer, stage_outcomes) in enumerate(zip(layers, found, strict=True)):
        if mode == "independent":
            model.set_weights(own)
        permute(layer, index, 3)
        for outcome in stage_outcomes:
            name = outcome.image.source.name
            assert outcome.image.target == targets[name]
            expected = integrated_gradients(model, pixels[name], targets[name])
            np.testing.assert_allclose(
                outcome.maps["integrated_gradients"], expected, atol=1e-5 * np.abs(expected).max()
            )
            values = outcome.similarities["integrated_gradients"]
            correlation = spearmanr(intact[name].ravel(), expected.ravel())[0]
            assert values.rank_correlation == pytest.approx(correlation, abs=1e-4)
            magnitudes = abs(intact[name]).ravel(), abs(expected).ravel()
            absolute = spearmanr(*magnitudes)[0]
            assert values.absolute_rank_correlation == pytest.approx(absolute, abs=1e-4)
            score = float(model(pixels[name][None])[0, targets[name]])
            assert outcome.score == pytest.approx(score, rel=1e-4)


def linear(folder: Path) -> tuple[Path, Any]:
    """A network of one matrix product; its gradient is the column of the target."""
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)]
    )
    kernel = np.random.default_rng(1).normal(size=(192, 2)).astype(np.float32)
    model.set_weights([kernel])
    model.save(folder / "linear.keras")
    return folder / "linear.keras", kernel


def test_gradients_times_input_of_a_linear_network_are_known(tmp_path: Path) -> None:
    path, kernel = linear(tmp_path)
    sources = write_images(tmp_path, side=8)
    [[outcome, *_]] = outcomes(loaded_test(path, "gradients"), sources, "cascading")
    permuted = np.random.default_rng((0, 0, 384)).permutation(kernel.ravel()).reshape(192, 2)
    before, after = (
        (values[:, outcome.image.target].reshape(8, 8, 3) * outcome.image.pixels).mean(-1)
        for values in (kernel, permuted)
    )
    np.testing.assert_allclose(outcome.maps["gradients"], after, rtol=1e-4, atol=1e-4)
    expected = spearmanr(before.ravel(), after.ravel())[0]
    assert outcome.similarities["gradients"].rank_correlation == pytest.approx(expected)


def test_several_methods_share_a_stage(tiny_model: Path, tmp_path: Path) -> None:
    test = loaded_test(tiny_model, "gradients", "integrated_gradients", target="top:2")
    [stage, _] = stages_of(test.model.layers, ["cascading"], None)
    images = list(test.attribute(write_images(tmp_path, 2)))
    rows = rows_of(list(test.compare(stage, images)), test.methods, stage)
    assert [row.method for row in rows] == ["gradients", "integrated_gradients"]
    assert [row.images for row in rows] == [2, 2]
    assert rows[0].mean != rows[1].mean


def test_an_unreadable_image_does_not_end_the_test(tiny_model: Path, tmp_path: Path) -> None:
    sources = write_images(tmp_path, 2)
    Path(sources[0].path).write_bytes(b"no image")
    images = {image.source.name: image for image in loaded_test(tiny_model).attribute(sources)}
    assert images["0.png"].record()["status"] == "failed"
    assert images["1.png"].record()["status"] == "ok"


def test_networks_that_score_every_pixel_are_refused(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(2, 1, activation="softmax")(inputs))
    model.save(tmp_path / "pixels.keras")
    with pytest.raises(ModelError, match="it scores every pixel"):
        loaded_test(tmp_path / "pixels.keras")


def test_the_controls_are_the_ends_of_the_scale(tiny_model: Path, tmp_path: Path) -> None:
    test = loaded_test(tiny_model)
    [image] = test.attribute(write_images(tmp_path, 1))
    controls = test.controls(image)
    # 5 standard errors of a correlation of 256 independent values.
    assert abs(controls["random"].rank_correlation or 1) < 5 / 16
    assert controls["edges"].rank_correlation == pytest.approx(1)
    assert controls["edges"].ssim == pytest.approx(1)
