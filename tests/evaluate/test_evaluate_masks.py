"""Masks found in a folder, and fitted as the images were."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from igcli.config.schema import Settings
from igcli.errors import ImageError, UsageError
from igcli.evaluate.masks import Masks, ObjectMask
from igcli.images.fit import Fit, fit
from igcli.records import Record
from support.image_files import write_image

Flags = npt.NDArray[np.bool_]


def settings(how: Fit = "crop", **limits: int) -> Settings:
    return Settings.model_validate({"model": {"fit": how}, **limits})


def mask_of(height: int, width: int) -> Flags:
    inside = np.zeros((height, width), np.bool_)
    inside[height // 3 : height * 3 // 4, width // 4 : width * 2 // 3] = True
    return inside


def write_mask(path: Path, inside: Flags, value: int = 255) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(inside.astype(np.uint8) * np.uint8(value)).save(path)


def record(name: str, folder: Path) -> Record:
    return {"image": name, "source": str(folder / name)}


def found(folder: Path, one: Record, size: tuple[int, int] = (24, 24)) -> ObjectMask:
    return Masks(str(folder), settings("squash")).of(one, size)


@pytest.mark.parametrize(
    "name", ["cats/a.png", "cats/a.bmp", "cats/a.PNG", "cats/a.jpg.png", "cats/a.npy"]
)
def test_masks_are_found_by_the_names_of_images(tmp_path: Path, name: str) -> None:
    inside, path = mask_of(24, 24), tmp_path / name
    path.parent.mkdir()
    if name.endswith("npy"):
        np.save(path, inside)
    else:
        write_mask(path, inside)
    (path.parent / "a.json").write_text("{}")  # LabelMe's polygons, beside the exported mask.
    (path.parent / "ab.png").write_text("another image's")
    mask = found(tmp_path, {"image": "cats/a.jpg"})
    assert mask.pixels is not None
    assert mask.pixels.dtype == np.bool_
    np.testing.assert_array_equal(mask.pixels, inside)
    assert mask.warnings == ()


def test_the_full_name_comes_before_the_stem(tmp_path: Path) -> None:
    first, second = mask_of(24, 24), ~mask_of(24, 24)
    write_mask(tmp_path / "a.jpg.png", first)
    write_mask(tmp_path / "a.png", second)
    for name, inside in (("a.jpg", first), ("a.png", second)):
        np.testing.assert_array_equal(found(tmp_path, {"image": name}).pixels, inside)


def test_two_masks_are_one_too_many(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", mask_of(24, 24))
    write_mask(tmp_path / "a.bmp", mask_of(24, 24))
    with pytest.raises(ImageError, match=r"more than one mask: 'a\.bmp' and 'a\.png'; keep one"):
        found(tmp_path, {"image": "a.jpg"})


def test_an_image_is_not_its_own_mask(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", size=(24, 24))
    assert found(tmp_path, record("a.jpg", tmp_path)).pixels is None
    write_mask(tmp_path / "a.png", mask_of(24, 24))
    mask = found(tmp_path, record("a.jpg", tmp_path))
    np.testing.assert_array_equal(mask.pixels, mask_of(24, 24))


def test_a_missing_mask_is_named(tmp_path: Path) -> None:
    mask = found(tmp_path, {"image": "cats/a.jpg"})
    assert mask.pixels is None
    assert mask.warnings == (f"it has no mask {str(tmp_path / 'cats/a.png')!r}",)


def test_damaged_and_large_masks_are_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_mask(path, mask_of(40, 50))
    start = f"its mask {str(path)!r}: "
    with pytest.raises(ImageError, match=f"{start}.*too large"):
        Masks(str(tmp_path), settings(max_pixels=100)).of({"image": "a.jpg"}, (24, 24))
    whole = path.read_bytes()
    for length, reason in ((60, "truncated"), (0, "empty file")):
        path.write_bytes(whole[:length])
        with pytest.raises(ImageError, match=f"{start}.*{reason}"):
            found(tmp_path, {"image": "a.jpg"})


@pytest.mark.parametrize("how", ["crop", "squash", "pad"])
@pytest.mark.parametrize("shape", [(40, 60), (61, 37), (24, 24), (300, 48)])
def test_masks_are_fitted_like_images(tmp_path: Path, shape: tuple[int, int], how: Fit) -> None:
    inside = mask_of(*shape)
    picture = np.where(inside[..., None], np.uint8(200), np.uint8(50)).repeat(3, 2)
    Image.fromarray(picture).save(tmp_path / "a.png")
    write_mask(tmp_path / "masks/a.png", inside, value=1)
    masks = Masks(str(tmp_path / "masks"), settings(how))
    mask = masks.of(record("a.png", tmp_path), (24, 24))
    assert mask.warnings == ()
    fitted = fit(picture, (24, 24), how=how, resample="nearest")[:, :, 0]
    np.testing.assert_array_equal(mask.pixels, fitted == 200)


@pytest.mark.parametrize("how", ["crop", "squash", "pad"])
def test_masks_of_another_size_are_resized(tmp_path: Path, how: Fit) -> None:
    write_image(tmp_path / "a.png", size=(40, 60))
    half = mask_of(20, 30)
    write_mask(tmp_path / "masks/a.png", half)
    mask = Masks(str(tmp_path / "masks"), settings(how)).of(record("a.png", tmp_path), (24, 24))
    path = str(tmp_path / "masks/a.png")
    assert mask.warnings == (f"its mask {path!r} is 30 x 20, and the image 60 x 40: resized",)
    whole = half.repeat(2, 0).repeat(2, 1).astype(np.uint8)[..., None]
    expected = fit(whole, (24, 24), how=how, resample="nearest")[:, :, 0] == 1
    np.testing.assert_array_equal(mask.pixels, expected)


def test_masks_of_the_size_of_the_network_are_taken_as_they_are(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", size=(40, 60))
    write_mask(tmp_path / "masks/a.png", mask_of(24, 24))
    mask = Masks(str(tmp_path / "masks"), settings()).of(record("a.png", tmp_path), (24, 24))
    np.testing.assert_array_equal(mask.pixels, mask_of(24, 24))
    assert mask.warnings == ()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_masks_of_turned_photographs_are_upright(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg", exif=exif)
    upright = (40, 60) if orientation in (1, 3) else (60, 40)
    write_mask(tmp_path / "masks/a.png", mask_of(*upright))
    one = record("a.jpg", tmp_path)
    assert found(tmp_path / "masks", one).warnings == ()
    write_mask(tmp_path / "masks/a.png", mask_of(*upright[::-1]))
    with pytest.raises(ImageError, match="turn it upright"):
        found(tmp_path / "masks", one)


@pytest.mark.parametrize("source", [None, "", "gone.jpg", 7])
def test_an_image_that_cannot_be_read_has_the_shape_of_its_mask(
    tmp_path: Path, source: Any
) -> None:
    write_mask(tmp_path / "a.png", mask_of(48, 48))
    one: Any = {"image": "a.jpg", "source": source}
    mask = found(tmp_path, one)
    np.testing.assert_array_equal(mask.pixels, mask_of(24, 24))
    assert len(mask.warnings) == 1


def test_a_folder_with_masks_of_other_images_is_the_wrong_one(tmp_path: Path) -> None:
    write_mask(tmp_path / "b.png", mask_of(8, 8))
    masks = Masks(str(tmp_path), settings())
    masks.check([])
    masks.check([{"image": "a.jpg"}, {"image": "b.jpg"}])
    with pytest.raises(UsageError) as error:
        masks.check([{"image": "cats/a.jpg"}, {"image": "cats/b.jpg"}])
    assert error.value.exit_code == 2
    assert repr(os.fspath(tmp_path / "cats/a.png")) in str(error.value)


@pytest.mark.parametrize("folder", ["gone", "file.txt", "s3://bucket/masks", "a\0b"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file.txt").write_text("")
    path = folder if ":" in folder else str(tmp_path / folder)
    with pytest.raises(UsageError, match="--masks"):
        Masks(path, settings())
