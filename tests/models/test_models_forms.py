"""Every form in which people save a classifier, against a plain gradient through the same one."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

import igcli
from igcli.models.load import load
from igcli.models.options import ModelOptions
from support.forms import FORMS
from support.keras_forms import Form, Make

STEPS = 6

Values = npt.NDArray[np.float64]


def integrated_gradients(form: Form, image: Any, target: int) -> tuple[Values, float]:
    """Return the trapezoid sum of gradients from black, one point after the other, and the score.

    Where every pixel has scores, those of the pixels that have the target at the image are summed.
    """
    shown = tf.constant(image[None])
    at_image = np.asarray(form.scores(tf.repeat(shown, 2, 0)))[0]
    mask = at_image.argmax(-1) == target if at_image.ndim > 1 else np.True_
    total = np.zeros(form.shape)
    for step in range(STEPS + 1):
        # Two at a time, for some networks take no other number.
        point = tf.repeat(shown * (step / STEPS), 2, 0)
        with tf.GradientTape() as tape:
            tape.watch(point)
            scores = tf.cast(form.scores(point), tf.float32)[0, ..., target]
            score = tf.reduce_sum(scores * mask.astype(np.float32))
        weight = (0.5 if step in (0, STEPS) else 1.0) / STEPS
        total += weight * tape.gradient(score, point).numpy()[0]
    return total * image, float((at_image[..., target] * mask).sum())


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
@pytest.mark.parametrize("make", FORMS, ids=lambda make: make.__name__)
def test_attributions_are_those_of_the_network_in_memory(make: Make, tmp_path: Path) -> None:
    for form in make(tmp_path):
        options = ModelOptions.model_validate({"source": str(form.path), **form.options})
        model = load(options, device="cpu", trust=form.trust)
        assert model.network.input_shape == form.shape, form.path.name
        image = np.random.default_rng(1).integers(0, 256, form.shape).astype(np.float32)
        scores = np.asarray(form.scores(tf.repeat(image[None], 2, 0)))[0]
        target = int(np.median(scores.argmax(-1)))
        expected, score = integrated_gradients(form, image, target)
        explained = igcli.attribute(model, image[None], steps=STEPS, target=target)
        assert np.abs(expected).max() > 0, form.path.name
        distance = np.linalg.norm(explained.attributions[0] - expected) / np.linalg.norm(expected)
        assert distance < form.tolerance, (form.path.name, distance)
        assert explained.scores[0] == pytest.approx(score, rel=max(form.tolerance, 1e-4))
