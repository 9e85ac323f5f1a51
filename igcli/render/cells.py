"""The cells of a panel: what stands where, in the published words."""

from igcli.records import Array, Pixels
from igcli.render import bars, curve
from igcli.render.curve import Curve
from igcli.render.maps import pixels
from igcli.render.options import StyleOptions
from igcli.render.painting import Painting
from igcli.render.panel import PictureCell, TextCell


def image_cell(image: Pixels) -> PictureCell:
    """Return the image, uint8 (H, W, 3), under its heading."""
    return PictureCell(("Original image",), image)


def label_cell(label: str, score: float, *, is_top: bool = True) -> TextCell:
    """Return the explained label and its score."""
    name = "Top label" if is_top else "Label"
    return TextCell(("Label and score",), (f"{name}: {label}", f"Score: {score:.6g}"))


def attribution_cell(heading: str, picture: Pixels, *, label: str = "top label") -> PictureCell:
    """Return the picture, uint8 (H, W, 3), of a method's attributions to a label."""
    return PictureCell((heading, f"(for {label})"), picture)


def colorbar_cell(attributions: Array, painting: Painting, options: StyleOptions) -> PictureCell:
    """Return the colour bar of `painting`, which shows `attributions` (H, W, 3)."""
    height = painting.picture.shape[0]
    bar = bars.draw(attributions, scales=painting.scales, options=options, height=height)
    return PictureCell((), bar)


def baseline_cell(baseline: Array) -> PictureCell:
    """Return the baseline, float32 (H, W, 3), 0...255."""
    return PictureCell(("Baseline",), pixels(baseline))


def path_cell(path: Curve, *, height: int, width: int) -> PictureCell:
    """Return the plot of the path, about as large as the pictures beside it."""
    plot = curve.draw(path, height=height, width=width)
    return PictureCell(("Score along the path", "(from baseline to image)"), plot)
