"""Pictures of the test: attributions of one image side by side, as the weights are randomized.

Source: the layout of Adebayo et al. 2018 (arXiv 1810.03292), figure 2: a row for each method, from
the network as it is to the one whose lowest layer is randomized.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from igcli import methods
from igcli.records import Array, Pixels
from igcli.render.encoders import encode_image
from igcli.render.panel import PictureCell, compose, image_cell
from igcli.render.style_common import as_rgb
from igcli.render.visualize import magnification, magnified
from igcli.sanity.randomization import Outcome, TestedImage
from igcli.sanity.similarity import as_grey
from igcli.sanity.stages import Mode, Stage

MAX_PICTURES = 100
"""Number of images with a picture: the maps of all stages are kept until the last one is done."""


class Strip:
    """The picture of one image, whose columns are added as the stages are done."""

    def __init__(self, image: TestedImage, layers: int) -> None:
        """Draw the columns of the network as it is.

        Args:
            image: The image and its attributions.
            layers: Number of layers of the network.
        """
        height, width = image.pixels.shape[:2]
        self.name = image.source.name
        self._factor = magnification(height, width, "auto")
        self._image = image_cell(magnified(as_rgb(image.pixels), self._factor))
        self._layers = layers
        self._intact = {
            method: self._cell((methods.load(method).HEADING, "weights as they are"), values)
            for method, values in image.maps.items()
        }
        self._rows: dict[tuple[str, Mode], list[PictureCell]] = {}

    def add(self, outcome: Outcome) -> None:
        """Draw the columns of a stage."""
        for method, values in outcome.maps.items():
            correlation = outcome.similarities[method].rank_correlation
            heading = (
                _heading(outcome.stage, self._layers),
                # Adding zero makes "-0.00" positive.
                "flat" if correlation is None else f"correlation {round(correlation, 2) + 0.0:.2f}",
            )
            row = self._rows.setdefault((method, outcome.stage.mode), [])
            row.append(self._cell(heading, values))

    def encoded(self) -> bytes:
        """Return the picture as a PNG file."""
        rows = [
            compose([self._image, self._intact[method], *cells])
            for (method, _), cells in self._rows.items()
        ]
        return encode_image(_stacked(rows), format="png", quality=100)

    def _cell(self, heading: tuple[str, ...], values: Array) -> PictureCell:
        magnitudes = np.abs(values.astype(np.float64))
        grey = as_grey(magnitudes) if np.ptp(magnitudes) else np.zeros_like(magnitudes)
        picture = np.rint(255 * grey).astype(np.uint8)[..., None]
        return PictureCell(heading, magnified(as_rgb(picture), self._factor))


def strips_of(images: Sequence[TestedImage], layers: int) -> Mapping[str, Strip]:
    """Return the pictures to draw, by the image's name."""
    return {image.source.name: Strip(image, layers) for image in images[:MAX_PICTURES]}


def _heading(stage: Stage, layers: int) -> str:
    if stage.mode == "independent":
        return f"Layer {stage.number} of {layers} alone"
    return f"{stage.number} of {layers} layers"


def _stacked(rows: Sequence[Pixels]) -> Pixels:
    """Return pictures one below the other on white."""
    width = max(row.shape[1] for row in rows)
    padded = [
        np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)
        for row in rows
    ]
    return np.concatenate(padded)
