"""The generator keeps its promises on every scene."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from igcli.demo.drawing import outline, smooth
from igcli.demo.objects import OBJECTS, Palette
from igcli.demo.scenes import CLASSES, SAMPLES, Scene, SceneSample, render_scene

FOLDER = Path(__file__).parents[2] / "sample_images"


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [render_scene(seed) for seed in range(200)]


def test_classes_are_eight_to_twelve_distinct_things() -> None:
    assert 8 <= len(set(CLASSES)) == len(CLASSES) <= 12


def test_arrays_have_the_promised_shapes_and_types(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.pixels.shape == (224, 224, 3)
        assert scene.pixels.dtype == np.uint8
        assert scene.mask.shape == (224, 224)
        assert scene.mask.dtype == np.bool_


def test_object_covers_5_to_25_percent(scenes: list[Scene]) -> None:
    areas = [scene.mask.mean() for scene in scenes]
    assert min(areas) >= 0.05
    assert max(areas) <= 0.25
    assert max(areas) - min(areas) > 0.1


def test_object_lies_inside_the_frame(scenes: list[Scene]) -> None:
    for scene in scenes:
        edge = np.ones_like(scene.mask)
        edge[1:-1, 1:-1] = False
        assert not scene.mask[edge].any()


def test_object_lies_anywhere(scenes: list[Scene]) -> None:
    covered = np.mean([scene.mask for scene in scenes], axis=0)
    assert covered[40:-40, 40:-40].min() > 0


def test_brightness_is_middling_and_varied(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert 80 <= scene.pixels.mean() <= 175
        assert scene.pixels.std() >= 20


def test_background_gives_the_class_no_help(scenes: list[Scene]) -> None:
    overall = np.mean([scene.pixels[~scene.mask].mean() for scene in scenes])
    for label in range(len(CLASSES)):
        means = [s.pixels[~s.mask].mean() for s in scenes if s.label == label]
        assert len(means) >= 10
        assert abs(np.mean(means) - overall) < 12


def test_same_seed_same_scene_other_seed_another() -> None:
    first, again, other = render_scene(7), render_scene(7), render_scene(8)
    assert np.array_equal(first.pixels, again.pixels)
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.pixels, other.pixels)


@pytest.mark.parametrize("label", range(len(CLASSES)))
def test_label_can_be_chosen(label: int) -> None:
    assert render_scene(3, label=label).label == label


@pytest.mark.parametrize("size", [(480, 320), (100, 300), (64, 64)])
def test_other_sizes(size: tuple[int, int]) -> None:
    for seed in range(8):
        scene = render_scene(seed, size=size)
        assert scene.pixels.shape == (size[1], size[0], 3)
        assert 0.05 <= scene.mask.mean() <= 0.25
        assert 80 <= scene.pixels.mean() <= 175
        assert scene.pixels.std() >= 20


@pytest.mark.parametrize("name", CLASSES)
def test_every_object_fills_about_the_unit_square(name: str) -> None:
    gray = (128, 128, 128)
    points = np.vstack([part.points for part in OBJECTS[name](Palette(gray, gray, gray, gray))])
    assert 0.8 <= np.abs(points).max() <= 1.1


def test_smooth_passes_through_its_corners() -> None:
    corners = outline("0,0 1,0 1,1 0,1")
    curve = smooth(corners, fineness=4)
    assert np.allclose(curve[::4], corners)
    assert np.allclose(curve[2], (0.5, -0.125))  # Catmull-Rom at 1/2: (9 (b + c) - a - d) / 16


def test_generator_needs_no_tensorflow() -> None:
    code = "import sys, igcli.demo.scenes; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_package_itself_is_light() -> None:
    code = "import sys, igcli.demo; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.path)
def test_sample_images_are_the_generators(sample: SceneSample) -> None:
    scene = render_scene(sample.seed, label=sample.label, size=sample.size)
    with Image.open(FOLDER / sample.path) as image:
        difference = np.asarray(image.convert("RGB")).astype(int) - scene.pixels
    assert np.abs(difference).mean() < (4 if sample.path.endswith(".jpg") else 0.01)


def test_sample_images_show_what_folders_may_hold() -> None:
    paths = [p.relative_to(FOLDER) for p in FOLDER.rglob("*.*")]
    assert sorted(map(str, paths)) == sorted(sample.path for sample in SAMPLES)
    assert len(paths) >= 10
    assert len({path.parent for path in paths}) == 2
    assert {path.suffix for path in paths} == {".jpg", ".png"}
    assert any(sample.size[0] != sample.size[1] for sample in SAMPLES)
