"""The cells of a panel: what stands where, in the published words."""

from igcli.records import Array, Pixels
from igcli.render import bars
from igcli.render.options import StyleOptions
from igcli.render.painting import Painting
from igcli.render.panel import PictureCell, TextCell


def image_cell(image: Pixels) -> PictureCell:
    """Return the image, uint8 (H, W, 3), under its heading."""
    return PictureCell(("Original image",), image)


def label_cell(label: str, score: float) -> TextCell:
    """Return the explained label and its score."""
    return TextCell(("Label and score",), (f"Top label: {label}", f"Score: {score:.6g}"))


def attribution_cell(heading: str, picture: Pixels) -> PictureCell:
    """Return the picture, uint8 (H, W, 3), of a method's attributions under its heading."""
    return PictureCell((heading, "(for top label)"), picture)


def colorbar_cell(attributions: Array, painting: Painting, options: StyleOptions) -> PictureCell:
    """Return the colour bar of `painting`, which shows `attributions` (H, W, 3)."""
    height = painting.picture.shape[0]
    bar = bars.draw(attributions, scales=painting.scales, options=options, height=height)
    return PictureCell((), bar)
