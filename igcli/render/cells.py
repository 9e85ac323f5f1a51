"""The cells of a panel: what stands where, in the published words."""

from collections.abc import Sequence
from dataclasses import dataclass

from igcli.records import Array, Pixels
from igcli.render import colorbar, curve
from igcli.render.curve import Curve
from igcli.render.maps import as_rgb, pixels
from igcli.render.options import LabelLine, StyleOptions
from igcli.render.panel import PictureCell, TextCell
from igcli.render.visualize import Painting


@dataclass(frozen=True, slots=True)
class Facts:
    """What is explained.

    Attributes:
        label: Its name.
        score: At the image.
        target: Its index.
        completeness_error: Relative; None where it is not defined.
        is_top: Whether no other score is higher.
    """

    label: str
    score: float
    target: int
    completeness_error: float | None = None
    is_top: bool = True


def image_cell(image: Pixels) -> PictureCell:
    """Return the image, uint8 (H, W, 3), under its heading."""
    return PictureCell(("Original image",), image)


def label_cell(
    targets: Sequence[Facts], lines: tuple[LabelLine, ...] = ("label", "score")
) -> TextCell:
    """Return what is explained, in the published words, and how well, target by target."""
    shown = tuple(_worded(facts, line) for facts in targets for line in lines)
    return TextCell(("Label and score",), shown)


def _worded(facts: Facts, line: LabelLine) -> str:
    if line == "label":
        return f"{'Top label' if facts.is_top else 'Label'}: {facts.label}"
    if line == "score":
        return f"Score: {facts.score:.6g}"
    if line == "target":
        return f"Target: {facts.target}"
    error = facts.completeness_error
    return f"Completeness error: {'undefined' if error is None else f'{100 * error:.3g}%'}"


def attribution_cell(heading: str, picture: Pixels, *, label: str = "top label") -> PictureCell:
    """Return the picture, uint8 (H, W, 3), of a method's attributions to a label."""
    return PictureCell((heading, f"(for {label})"), picture)


def colorbar_cell(attributions: Array, painting: Painting, options: StyleOptions) -> PictureCell:
    """Return the colour bar of `painting`, which shows `attributions` (H, W, 3)."""
    height = painting.picture.shape[0]
    bar = colorbar.draw(attributions, scales=painting.scales, options=options, height=height)
    return PictureCell((), bar)


def baseline_cell(baseline: Array) -> PictureCell:
    """Return the baseline, float32 (H, W, C), 0...255."""
    return PictureCell(("Baseline",), as_rgb(pixels(baseline)))


def path_cell(path: Curve, *, height: int, width: int) -> PictureCell:
    """Return the plot of the path, about as large as the pictures beside it."""
    plot = curve.draw(path, height=height, width=width)
    return PictureCell(("Score along the path", f"(for {path.label})"), plot)
