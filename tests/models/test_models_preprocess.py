import keras
import numpy as np
import pytest

from igcli.models.options import Normalization
from igcli.models.preprocess import preprocessing

PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 5, 4, 3)).astype(np.float32)


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_modes_are_those_of_keras_applications(mode: str) -> None:
    expected = keras.applications.imagenet_utils.preprocess_input(PIXELS.copy(), mode=mode)
    actual = preprocessing(mode)(PIXELS)  # type: ignore[arg-type]
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_unit_and_none() -> None:
    np.testing.assert_allclose(preprocessing("unit")(PIXELS), PIXELS / 255, rtol=1e-6)
    np.testing.assert_array_equal(preprocessing("none")(PIXELS), PIXELS)


def test_numbers() -> None:
    actual = preprocessing(Normalization(mean=117.0, std=2.0))(PIXELS)
    np.testing.assert_allclose(actual, (PIXELS - 117) / 2, rtol=1e-6)
