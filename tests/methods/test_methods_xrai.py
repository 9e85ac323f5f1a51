"""XRAI against loops over boolean masks, with scikit-image's own dilation."""

from functools import cache
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from skimage.morphology import dilation, disk
from skimage.segmentation import felzenszwalb
from skimage.transform import resize

import igcli
from igcli.config.schema import Settings
from igcli.errors import UsageError
from igcli.methods import MethodOptions, Task, check_steps
from igcli.models.network.network import TensorFlowNetwork
from igcli.pipeline.preflight import check
from igcli.records import Array
from support.networks import ClosedForm
from support.subjects import Double, Subject, assert_close, explain

SHAPE = (40, 50, 3)
Mask = npt.NDArray[np.bool_]


def picture(channels: int = 3) -> Array:
    """Return noisy rectangles."""
    random = np.random.default_rng(8)
    image = random.uniform(0, 12, (*SHAPE[:2], channels))
    for top, left, level in ((0, 0, 60), (0, 25, 200), (22, 0, 150), (22, 18, 20), (10, 30, 243)):
        image[top : top + 18, left : left + 22] = level + image[top : top + 18, left : left + 22]
    return image.astype(np.float32)


@cache
def masks() -> tuple[Mask, ...]:
    """Return the segments of the picture."""
    image = picture()
    scaled = (image - image.min()) / (image.max() - image.min()) * 2 - 1
    large = resize(scaled, (224, 224), order=3, mode="constant", preserve_range=True)
    found: list[Mask] = []
    for scale in (50, 100, 150, 250, 500, 1200):
        labels = felzenszwalb(large, scale=scale, sigma=0.8, min_size=150)
        kept = resize(labels, image.shape[:2], order=0, preserve_range=True, anti_aliasing=False)
        found += [dilation(kept == label, disk(5)) for label in range(labels.max() + 1)]
    return tuple(mask for mask in found if mask.any())


def slow(values: Double, segments: tuple[Mask, ...], *, fast: bool = False) -> Double:
    """Return the densities of regions; values and result are (H, W)."""
    taken, result = np.zeros(values.shape, np.bool_), np.full(values.shape, np.nan)
    ordered = sorted(segments, key=lambda mask: -values[mask].mean())
    while ordered:
        if not fast:
            ordered = [mask for mask in ordered if (mask & ~taken).sum() >= 50]
            ordered.sort(key=lambda mask: -values[mask & ~taken].mean())
        if ordered:
            new = ordered.pop(0) & ~taken
            if new.sum() >= 50:
                result[new], taken = values[new].mean(), taken | new
    if not taken.all():
        result[~taken] = values[~taken].mean()
    return result


def closed_form() -> tuple[Subject, Double]:
    """Return a subject whose score is the sum of squares, and its exact attributions."""
    image = picture().astype(np.float64)
    ends = [image**2 - end**2 for end in (image.min(), image.max())]
    network = ClosedForm(SHAPE)
    return Subject(network, 0, lambda x: (float((x**2).sum()), 2 * x)), np.mean(ends, 0)


def small_network() -> tuple[Subject, Double]:
    """Return a small Keras model, and its attributions by the trapezoid rule with 6 steps."""
    keras.utils.set_random_seed(4)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, strides=2, activation="tanh"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )

    def plain(x: Double) -> tuple[float, Double]:
        point = tf.constant(x[None], tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(point)
            score = model(point / 255)[0, 2]
        return float(score), tape.gradient(score, point)[0].numpy().astype(np.float64)

    image, total = picture().astype(np.float64), np.zeros(SHAPE)
    for end in (image.min(), image.max()):
        for step, weight in enumerate([1 / 12, *[1 / 6] * 5, 1 / 12]):
            total += weight * (image - end) * plain(end + step / 6 * (image - end))[1] / 2
    network = TensorFlowNetwork(lambda x: model(x / 255, training=False), SHAPE)
    return Subject(network, 2, plain), total


@pytest.mark.parametrize("algorithm", ["full", "fast"])
@pytest.mark.parametrize("make", [closed_form, small_network])
def test_xrai_is_the_density_of_regions(make: Any, algorithm: str) -> None:
    subject, attributions = make()
    at = Task(picture(), np.zeros(SHAPE, np.float32), subject.target, score=1.0)
    explanation = explain("xrai", subject, at=at, steps=6, xrai={"algorithm": algorithm})
    expected = slow(attributions.max(-1), masks(), fast=algorithm == "fast")
    assert len(np.unique(expected)) > 3
    assert_close(explanation.attributions.sum(-1), expected)
    assert np.ptp(explanation.attributions, axis=-1).max() == 0
    assert explanation.evaluations == 2 * 7


@pytest.mark.parametrize("around", ["guided_integrated_gradients", "idgi"])
def test_xrai_is_on_top_of_any_path_method(around: str) -> None:
    subject, _ = closed_form()
    at = Task(picture(), np.zeros(SHAPE, np.float32), 0, score=1.0)
    explanation = explain("xrai", subject, at=at, steps=4, xrai={"around": around})
    ends = [np.full(SHAPE, end, np.float32) for end in (picture().min(), picture().max())]
    inner = [
        explain(around, subject, at=Task(picture(), end, 0, score=1.0), steps=4) for end in ends
    ]
    values = np.mean([part.attributions for part in inner], 0, dtype=np.float64).max(-1)
    assert_close(explanation.attributions.sum(-1), slow(values, masks()))


def test_a_blur_has_one_path() -> None:
    subject, _ = closed_form()
    at = Task(picture(), np.zeros(SHAPE, np.float32), 0, score=1.0)
    own = {"around": "blur_integrated_gradients"}
    assert explain("xrai", subject, at=at, steps=4, xrai=own).evaluations == 5


@pytest.mark.parametrize(
    "image",
    [
        np.full((1, 1, 1), 7, np.float32),  # Constant, and smaller than any region.
        np.linspace(0, 255, 21, dtype=np.float32).reshape(7, 3, 1),
        np.full((30, 30, 3), 90, np.float32),
        picture(channels=1),
    ],
)
@pytest.mark.parametrize("algorithm", ["full", "fast"])
def test_small_constant_and_grey_images_have_regions(image: Array, algorithm: str) -> None:
    network = ClosedForm(image.shape)
    subject = Subject(network, 0, lambda x: (float((x**2).sum()), 2 * x))
    at = Task(image, np.zeros_like(image), 0, score=1.0)
    explanation = explain("xrai", subject, at=at, steps=4, xrai={"algorithm": algorithm})
    assert np.isfinite(explanation.attributions).all()
    values = image.astype(np.float64) ** 2 - (float(image.min()) ** 2 + float(image.max()) ** 2) / 2
    found = explanation.attributions.sum(-1, dtype=np.float64)
    # Whatever the regions are, they share out what there is.
    assert found.sum() == pytest.approx(values.max(-1).sum(), rel=1e-4, abs=1e-3)
    if image.size < 50:
        assert len(np.unique(explanation.attributions)) == 1


def test_steps_auto_refines_the_path_of_the_inner_method() -> None:
    subject, attributions = closed_form()
    at = Task(picture(), np.zeros(SHAPE, np.float32), 0, score=1.0)
    explanation = explain("xrai", subject, at=at, steps="auto")
    assert explanation.evaluations > 0
    expected = slow(attributions.max(-1), masks())
    assert_close(explanation.attributions.sum(-1), expected, 1e-3)
    options = MethodOptions.model_validate({"steps": "auto", "xrai": {"around": "idgi"}})
    with pytest.raises(UsageError, match="steps: auto: idgi cannot be refined"):
        check_steps(["xrai"], options)


def test_without_scikit_image_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "igcli.methods.find_spec", lambda name: None if name == "skimage" else find_spec(name)
    )
    message = r"^method: xrai needs an extra: pip install 'igcli\[xrai\]'$"
    columns = {"panel": {"columns": ["image", "xrai"]}}
    for settings in ({"method": "xrai"}, columns):
        with pytest.raises(UsageError, match=message):
            check(Settings.model_validate(settings, strict=False), panels=True)
    check(Settings(), panels=True)
    with pytest.raises(UsageError, match=message):
        igcli.attribute(lambda x: x, np.ones((1, 3), np.float32), method="xrai")
