"""Columns of panels and animations: which cell, of which method and target, in which order."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from igcli.pipeline.image.pictures import Columns
from igcli.records import Explanation
from igcli.render.curve import Curve
from igcli.render.options import PanelOptions
from igcli.render.panel import TextCell

IMAGE = np.full((8, 8, 3), 200, np.uint8)
IG = "Integrated gradients"
GRADIENTS = "Gradients at image"


def explanation(method: str = "integrated_gradients", target: int = 0, **changes: Any) -> Any:
    ramp = np.arange(-96, 96, dtype=np.float32).reshape(8, 8, 3)
    made = Explanation(
        method=method,
        target=target,
        baseline=np.full((8, 8, 3), 9, np.float32),
        attributions=ramp * np.float32(1 / (target + 1)),
        score=0.5,
        baseline_score=0.25,
        alphas=np.array([0, 1.0]),
        scores=np.array([0.25, 0.5], np.float32),
        evaluations=2,
        complete=True,
    )
    return replace(made, **changes)


def drawn(names: list[str], *explanations: Explanation, **options: Any) -> list[Any]:
    model: Any = SimpleNamespace(label=lambda target: f"label {target}")
    style = PanelOptions.model_validate({"style": "heat_map"})
    columns = Columns(IMAGE, explanations or (explanation(),), model, style, **options)
    return list(columns.cells(names))


def headings(cells: list[Any]) -> list[str]:
    return [
        f"curve of {cell.label}" if isinstance(cell, Curve) else " ".join(cell.heading) or "bar"
        for cell in cells
    ]


def test_pictures_of_saliency_show_the_largest_value_over_the_channels() -> None:
    red = np.zeros((8, 8, 3), np.float32)
    red[2, 3, 0], red[5, 6] = 3, 1  # The mean over the channels is the same.
    options: Any = {"scales": {"saliency": 9.0}}
    [pooled] = drawn(
        ["method"], explanation("saliency", attributions=red, takes_max=True), **options
    )
    [mean] = drawn(["method"], explanation("saliency", attributions=red), **options)
    assert not np.array_equal(pooled.picture[2, 3], pooled.picture[5, 6])
    np.testing.assert_array_equal(mean.picture[2, 3], mean.picture[5, 6])


def test_every_column_in_any_order() -> None:
    names = ["path", "baseline", "colorbar", "gradients", "label", "image", "method"]
    cells = drawn(names, explanation(), explanation("gradients"))
    assert headings(cells) == [
        "curve of top label",
        "Baseline",
        "bar",
        f"{GRADIENTS} (for top label)",
        "Label and score",
        "Original image",
        f"{IG} (for top label)",
    ]
    assert (cells[1].picture == 9).all()


def test_method_is_the_main_one_and_columns_may_repeat() -> None:
    cells = drawn(["method", "integrated_gradients", "image", "image"])
    assert headings(cells) == [f"{IG} (for top label)"] * 2 + ["Original image"] * 2
    [cell] = drawn(["method"], explanation("gradients"), explanation())
    assert headings([cell]) == [f"{GRADIENTS} (for top label)"]


def test_each_target_has_its_picture_with_its_bar_and_path() -> None:
    explanations = [explanation(target=target, is_target_given=True) for target in (0, 1)]
    cells = drawn(["label", "method", "colorbar", "path", "baseline"], *explanations)
    assert headings(cells) == [
        "Label and score",
        f"{IG} (for label 0)",
        "bar",
        "curve of label 0",
        f"{IG} (for label 1)",
        "bar",
        "curve of label 1",
        "Baseline",
    ]
    assert isinstance(cells[0], TextCell)
    assert cells[0].lines == ("Label: label 0", "Score: 0.5", "Label: label 1", "Score: 0.5")
    assert (cells[2].picture.shape != cells[5].picture.shape) or (
        cells[2].picture != cells[5].picture
    ).any()


def test_baseline_and_path_are_those_of_the_method_left_of_them() -> None:
    blurred = explanation(
        "gradients", baseline=np.zeros((8, 8, 3), np.float32), alphas=np.array([0.0, 0.5])
    )
    cells = drawn(["baseline", "gradients", "path", "image", "baseline"], explanation(), blurred)
    assert [cells[0].picture.max(), cells[4].picture.max()] == [9, 0]
    assert cells[2].alphas[1] == 0.5


def test_scales_are_by_method() -> None:
    explanations = [explanation(), explanation("gradients")]
    own = drawn(["method", "gradients"], *explanations)
    scaled = drawn(["method", "gradients"], *explanations, scales={"gradients": 1e9})
    assert (scaled[0].picture == own[0].picture).all()
    assert (scaled[1].picture == 255).all()
    assert (own[1].picture != 255).any()


def test_methods_without_anything_to_show_are_named() -> None:
    flat = explanation("gradients", attributions=np.zeros((8, 8, 3), np.float32))
    model: Any = SimpleNamespace(label=str)
    columns = Columns(IMAGE, [explanation(), flat], model, PanelOptions())
    columns.cells(["method", "gradients", "gradients", "colorbar"])
    assert columns.flat == {"gradients"}


def test_any_column_stands_alone() -> None:
    [image], [baseline] = drawn(["image"]), drawn(["baseline"])
    assert (image.picture == 200).all()
    assert (baseline.picture == 9).all()
    [label], [path] = drawn(["label"]), drawn(["path"])
    assert label.lines == ("Top label: label 0", "Score: 0.5")
    assert (path.label, list(path.alphas), list(path.scores)) == ("top label", [0, 1], [0.25, 0.5])
    [bar], [_, bar_of_method] = drawn(["colorbar"]), drawn(["method", "colorbar"])
    assert bar.heading == ()
    np.testing.assert_array_equal(bar.picture, bar_of_method.picture)
    [weak] = drawn(["colorbar"], explanation(target=9))  # A tenth of the attributions.
    assert not np.array_equal(bar.picture, weak.picture)


def test_pictures_are_magnified_and_nothing_else() -> None:
    names = ["image", "baseline", "method", "gradients", "label", "colorbar"]
    explanations = explanation(), explanation("gradients")
    plain, large = drawn(names, *explanations), drawn(names, *explanations, factor=3)
    assert headings(large) == headings(plain)
    for one, other in zip(plain[:4], large[:4], strict=True):
        blocks = np.kron(one.picture, np.ones((3, 3, 1), np.uint8))
        np.testing.assert_array_equal(other.picture, blocks)
    assert large[4] == plain[4]
    np.testing.assert_array_equal(large[5].picture, plain[5].picture)  # Both of the least height.
    assert (
        drawn(["image", "method", "colorbar"], *explanations, factor=20)[2].picture.shape[0] == 160
    )


def test_coarse_maps_are_heat_maps_beside_other_styles() -> None:
    model: Any = SimpleNamespace(label=str)
    parts = [explanation(name) for name in ("grad_cam", "integrated_gradients")]
    named = {
        style: list(
            Columns(IMAGE, parts, model, PanelOptions.model_validate({"style": style})).cells(
                ["grad_cam", "colorbar", "integrated_gradients"]
            )
        )
        for style in ("auto", "blended_heat_map", "overlay")
    }
    for place, style in enumerate(["blended_heat_map", "blended_heat_map", "overlay"]):
        pair: list[Any] = [named["auto"][place], named[style][place]]
        np.testing.assert_array_equal(pair[0].picture, pair[1].picture)
    pair = [named["auto"][0], named["overlay"][0]]
    assert not np.array_equal(pair[0].picture, pair[1].picture)
