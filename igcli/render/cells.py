"""The cells of a panel: what stands where, in the published words."""

from igcli.records import Pixels
from igcli.render.panel import PictureCell, TextCell

_PUBLISHED_NAMES = {"gradients": "Gradients at image"}


def image_cell(image: Pixels) -> PictureCell:
    """Return the image, uint8 (H, W, 3), under its heading."""
    return PictureCell(("Original image",), image)


def label_cell(label: str, score: float) -> TextCell:
    """Return the explained label and its score."""
    return TextCell(("Label and score",), (f"Top label: {label}", f"Score: {score:.6g}"))


def attribution_cell(method: str, picture: Pixels) -> PictureCell:
    """Return the picture, uint8 (H, W, 3), of the attributions by `method`."""
    name = _PUBLISHED_NAMES.get(method, method.replace("_", " ").capitalize())
    return PictureCell((name, "(for top label)"), picture)
