"""Peak memory does not depend on the number of images: of runs, with GIFs, and of evaluations."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

ALL = ["--gif", "--arrays"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network for images of a usual size."""
    inputs = keras.Input((96, 96, 3))
    x = keras.layers.Rescaling(1 / 64)(inputs)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="tanh")(x)
    x = keras.layers.Conv2D(8, 3, strides=2, activation="tanh")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    path = tmp_path_factory.mktemp("model") / "small.keras"
    keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x)).save(path)
    return path


def write_photos(folder: Path, count: int) -> Path:
    """Write images, fifty of them distinct, in twenty folders."""
    rng = np.random.default_rng(3)
    distinct = [rng.integers(0, 256, (120, 160, 3), np.uint8) for _ in range(50)]
    for number in range(count):
        path = folder / "images" / f"{number % 20}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(distinct[number % 50]).save(path)
    return folder / "images"


def peak(*arguments: str | Path) -> int:
    """Return the most memory, in bytes, that the command resided in."""
    command = [sys.executable, "-m", "igcli", *map(str, arguments), "-q"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def attributed(folder: Path, model: Path, count: int, *options: str) -> int:
    """Return the most memory of a run over `count` images, which are written before."""
    settings = ("--model", model, "--steps", "20", "--output", folder / "out")
    return peak("attribute", write_photos(folder, count), *settings, *options)


@pytest.mark.parametrize(
    ("few", "many", "options"),
    [
        (60, 160, ALL),
        pytest.param(100, 2000, [], marks=pytest.mark.full),
        pytest.param(100, 2000, ALL, marks=pytest.mark.full),
    ],
)
def test_peak_memory_is_the_same_for_few_and_for_many_images(
    tmp_path: Path, model: Path, few: int, many: int, options: list[str]
) -> None:
    first = attributed(tmp_path / "few", model, few, *options)
    second = attributed(tmp_path / "many", model, many, *options)
    print(f"{options}: {few} images {first / 1e6:.0f} MB, {many} images {second / 1e6:.0f} MB")  # noqa: T201
    assert second < 1.1 * first


@pytest.mark.full
def test_peak_memory_of_an_evaluation_is_the_same_for_few_and_for_many_images(
    tmp_path: Path, model: Path
) -> None:
    options = ("--metrics", "deletion,insertion,completeness,sparseness")
    peaks = []
    for count in (20, 400):
        folder = tmp_path / str(count)
        attributed(folder, model, count, "--arrays")
        peaks.append(peak("evaluate", folder / "out", *options))
    first, second = peaks
    print(f"evaluate: 20 images {first / 1e6:.0f} MB, 400 images {second / 1e6:.0f} MB")  # noqa: T201
    assert second < 1.1 * first
