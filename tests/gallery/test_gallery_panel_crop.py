"""Panels are composed of known pictures, stored as files, and cut again."""

import io

import numpy as np
import pytest
from PIL import Image

from igcli.gallery.panel_crop import PanelContent, crop
from igcli.records import Pixels
from igcli.render.columns import Column, arranged
from igcli.render.curve import Curve
from igcli.render.options import Headings
from igcli.render.panel import (
    Cell,
    PictureCell,
    TargetInfo,
    attribution_cell,
    baseline_cell,
    compose,
    image_cell,
    label_cell,
    path_cell,
)

TOP = [TargetInfo("tabby", 0.93, 281, 0.01)]
FIVE = [
    TargetInfo(f"a label of some length {n}", 0.5 / n, n, 0.01, is_top=False) for n in range(1, 6)
]
HEADINGS = {"integrated_gradients": "Integrated gradients", "gradients": "Gradients at image"}


def picture(height: int, width: int, seed: int) -> Pixels:
    noise = np.random.default_rng(seed).integers(0, 150, (height, width, 3))
    return noise.astype(np.uint8)


def file_of(drawn: Pixels, kind: str, quality: int = 95) -> Pixels:
    file = io.BytesIO()
    options = {"quality": quality, "subsampling": "4:4:4"} if kind == "JPEG" else {}
    Image.fromarray(drawn).save(file, kind, **options)
    return np.asarray(Image.open(file).convert("RGB"))


def drawn_panel(
    names: list[str],
    targets: list[TargetInfo],
    *,
    size: tuple[int, int],
    headings: Headings = "full",
    bar: int = 62,
) -> tuple[Pixels, PanelContent, dict[int | None, Pixels]]:
    """Return a panel, its content, and the pictures that were put on it."""
    used = [name for name in names if name in HEADINGS]
    methods = [method for method in used for _ in targets]
    every = targets * len(used)
    columns = arranged(names, methods)
    pictures: dict[int | None, Pixels] = {None: picture(*size, seed=99)}
    cells = [_cell(column, pictures, every, size, bar) for column in columns]
    content = PanelContent(columns, methods, every, headings, ("label", "score"))
    cells = [label_cell(targets) if cell is None else cell for cell in cells]
    return compose([cell for cell in cells if cell], headings=headings), content, pictures


def _cell(
    column: Column,
    pictures: dict[int | None, Pixels],
    targets: list[TargetInfo],
    size: tuple[int, int],
    bar: int,
) -> Cell | None:
    target = targets[column.explanation]
    label = "top label" if target.is_top else target.label
    if column.name == "label":
        return None
    if column.name == "image":
        return image_cell(pictures[None])
    if column.name == "baseline":
        return baseline_cell(np.zeros((*size, 3), np.float32))
    if column.name == "path":
        curve = Curve(np.linspace(0, 1, 5), np.linspace(0, 1, 5, dtype=np.float32), label=label)
        return path_cell(curve, height=size[0], width=size[1])
    if column.name == "colorbar":
        return PictureCell((), picture(max(60, size[0]), bar, seed=7))
    pictures[column.explanation] = picture(*size, seed=column.explanation)
    return attribution_cell(HEADINGS[column.name], pictures[column.explanation], label=label)


DEFAULT = ["image", "label", "integrated_gradients"]


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        (DEFAULT, TOP),
        (DEFAULT, FIVE),
        ([*DEFAULT, "gradients"], FIVE[:2]),
        (["integrated_gradients", "image"], TOP),
        (["baseline", "path", "image", "label", "integrated_gradients", "path"], FIVE[:3]),
    ],
)
@pytest.mark.parametrize("size", [(224, 224), (160, 300), (331, 170), (40, 28)])
@pytest.mark.parametrize("headings", ["full", "short", "pictures"])
def test_the_pictures_of_a_png_are_found_to_the_pixel(
    names: list[str], targets: list[TargetInfo], size: tuple[int, int], headings: Headings
) -> None:
    panel, content, pictures = drawn_panel(names, targets, size=size, headings=headings)
    found = crop(panel, content)
    assert found is not None
    assert found.keys() == pictures.keys()
    for number, expected in pictures.items():
        np.testing.assert_array_equal(found[number], expected, strict=True)


@pytest.mark.parametrize("bar", [31, 62, 99])
@pytest.mark.parametrize("size", [(224, 224), (160, 200)])
def test_a_colour_bar_may_have_any_width(bar: int, size: tuple[int, int]) -> None:
    panel, content, pictures = drawn_panel([*DEFAULT, "colorbar"], TOP, size=size, bar=bar)
    found = crop(panel, content)
    assert found is not None
    for number, expected in pictures.items():
        np.testing.assert_array_equal(found[number], expected, strict=True)


def test_what_lies_right_of_a_colour_bar_is_not_found() -> None:
    panel, content, pictures = drawn_panel(
        [*DEFAULT, "colorbar", "gradients"], TOP, size=(224, 224)
    )
    found = crop(panel, content)
    assert found is not None
    assert found.keys() == {None, 0}
    np.testing.assert_array_equal(found[0], pictures[0])


@pytest.mark.parametrize("quality", [10, 50, 95])
@pytest.mark.parametrize("targets", [TOP, FIVE])
def test_jpegs_are_cut_at_the_same_place(quality: int, targets: list[TargetInfo]) -> None:
    panel, content, pictures = drawn_panel(DEFAULT, targets, size=(224, 200))
    found = crop(file_of(panel, "JPEG", quality), content)
    assert found is not None
    height, width = found[None].shape[:2]
    assert width == 200
    # Text that is higher than the pictures hides their end, which JPEG blurs by its blocks of 8.
    assert abs(height - 224) <= (8 if targets is FIVE else 0)
    expected = file_of(pictures[0], "JPEG", quality).astype(int)
    rows = min(height, 224)
    assert np.abs(found[0][:rows].astype(int) - expected[:rows]).mean() < 45


def test_white_pictures_are_pictures() -> None:
    panel, content, _ = drawn_panel(DEFAULT, TOP, size=(224, 224))
    white = np.full_like(panel, 255)
    found = crop(white, content)
    assert found is not None
    assert found[None].shape == (224, 224, 3)


@pytest.mark.parametrize("change", ["narrow", "low", "ink", "none"])
def test_what_is_laid_out_otherwise_is_not_cut(change: str) -> None:
    panel, content, _ = drawn_panel(DEFAULT, TOP, size=(224, 224))
    if change == "narrow":
        panel = panel[:, :-1]
    elif change == "low":
        panel = panel[:90]
    elif change == "ink":
        panel = np.zeros_like(panel)
    else:
        content = PanelContent(arranged(["label"], ["gradients"]), ["gradients"], TOP, "full", ())
    assert crop(panel, content) is None
