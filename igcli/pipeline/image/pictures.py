"""The pictures of one attributed image: the columns of its panel and GIF, and the encoded files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from igcli import methods
from igcli.models.load import Model
from igcli.outputs.arrays import encode_arrays
from igcli.pipeline.image.context import Context, ImageInProgress
from igcli.records import Explanation, Pixels
from igcli.render import animation, panel
from igcli.render.columns import SHARED, Column, arranged
from igcli.render.curve import Curve
from igcli.render.encoders import encode_image
from igcli.render.options import GifOptions, LabelLine, StyleOptions
from igcli.render.panel import Cell, PictureCell, TargetInfo, compose, path_cell
from igcli.render.style_common import as_rgb
from igcli.render.visualize import Painting, magnification, magnified, paint

LABEL_LINES: tuple[LabelLine, ...] = ("label", "score")


@dataclass(frozen=True, slots=True)
class EncodedPanel:
    """The file of a panel.

    Attributes:
        data: Its bytes.
        flat: Methods whose picture highlights nothing.
    """

    data: bytes
    flat: tuple[str, ...]


def encode_panel(image: ImageInProgress, context: Context) -> EncodedPanel:
    """Draw and encode the panel of an explained image."""
    options = context.settings.panel
    height, width = image.pixels.shape[:2]
    factor = magnification(height, width, options.magnify)
    columns = Columns(
        as_rgb(image.pixels), image.explanations, context.model, options, context.scales, factor
    )
    cells = [
        path_cell(cell, height=factor * height, width=factor * width)
        if isinstance(cell, Curve)
        else cell
        for cell in columns.cells(options.columns, options.label_lines)
    ]
    drawn = compose(cells, headings=options.headings, face=context.face)
    data = encode_image(drawn, format=options.format, quality=options.quality)
    return EncodedPanel(data, tuple(sorted(columns.flat)))


def encode_animation(image: ImageInProgress, context: Context, options: GifOptions) -> bytes:
    """Draw and encode the animation of an image's interior gradients for the first target.

    Raises:
        ValueError: The main explanation has no interior gradients.
    """
    height, width = image.pixels.shape[:2]
    factor = magnification(height, width, context.settings.panel.magnify)
    main = image.explanations[0]
    if main.interior is None:
        raise ValueError("no interior gradients were requested")
    rgb = as_rgb(image.pixels)
    same_target = [part for part in image.explanations if part.target == main.target]
    columns = Columns(rgb, same_target, context.model, options, factor=factor)
    beside = columns.cells(options.columns)
    return animation.render(
        rgb, main.interior, options=options, factor=factor, beside=beside, face=context.face
    )


def encode_npz(image: ImageInProgress) -> bytes:
    """Encode the arrays of an explained image."""
    main, *others = image.explanations
    further = {f"attributions_{part.method}_{part.target}": part.attributions for part in others}
    return encode_arrays(
        image=image.pixels,
        baseline=main.baseline,
        attributions=main.attributions,
        alphas=main.alphas,
        scores=main.scores,
        target=main.target,
        **further,
    )


@dataclass(slots=True, eq=False)
class Columns:
    """Turns the names of columns into cells.

    Attributes:
        image: uint8 (H, W, 3).
        explanations: The main one first; a method has one for each target.
        model: The network, for labels.
        options: The style of all pictures.
        scales: Attribution shown at full strength, by method; other methods have a scale for each
            picture.
        factor: How many times pictures are magnified.
        flat: Methods with a picture that highlights nothing.
    """

    image: Pixels
    explanations: Sequence[Explanation]
    model: Model
    options: StyleOptions
    scales: Mapping[str, float] = field(default_factory=dict)
    factor: int = 1
    flat: set[str] = field(default_factory=set)

    def cells(
        self, names: Sequence[str], lines: tuple[LabelLine, ...] = LABEL_LINES
    ) -> list[Cell | Curve]:
        """Return the cells of the columns as `arranged`, with paths as curves."""
        methods = [part.method for part in self.explanations]
        return [
            self._shared_cell(column, lines) if column.name in SHARED else self._cell(column)
            for column in arranged(names, methods)
        ]

    def _of(self, method: str) -> list[Explanation]:
        return [part for part in self.explanations if part.method == method]

    def _shared_cell(self, column: Column, lines: tuple[LabelLine, ...]) -> Cell:
        """Return a cell that all targets share: image, baseline or label."""
        if column.name == "image":
            return self._magnified(panel.image_cell(self.image))
        if column.name == "baseline":
            baseline = self.explanations[column.explanation].baseline
            return self._magnified(panel.baseline_cell(baseline))
        facts = [
            TargetInfo(
                label=self.model.label(part.target),
                score=part.score,
                target=part.target,
                completeness_error=part.completeness_error,
                is_top=not part.is_target_given,
            )
            for part in self._of(self.explanations[0].method)
        ]
        return panel.label_cell(facts, lines)

    def _cell(self, column: Column) -> Cell | Curve:
        """Return a cell of one target: path, colour bar, or a method's picture."""
        name, explanation = column.name, self.explanations[column.explanation]
        label = self.model.label(explanation.target) if explanation.is_target_given else "top label"
        if name == "path":
            along = self._along_a_path(explanation)
            return Curve(along.alphas, along.scores, along.gathered, label)
        painting = self._painted(explanation)
        if name == "colorbar":
            style = self._style_of(explanation)
            return panel.colorbar_cell(explanation.displayed, painting, style)
        if painting.flat:
            self.flat.add(name)
        return panel.attribution_cell(methods.load(name).HEADING, painting.picture, label=label)

    def _along_a_path(self, explanation: Explanation) -> Explanation:
        """Return the explanation, or another method's of the target if it follows no path."""
        same = (part for part in self.explanations if part.target == explanation.target)
        candidates = (explanation, *same)
        return next((part for part in candidates if len(part.alphas) > 1), explanation)

    def _painted(self, explanation: Explanation) -> Painting:
        scale = self.scales.get(explanation.method)
        style = self._style_of(explanation)
        painting = paint(self.image, explanation.displayed, style, scale=scale)
        return replace(painting, picture=magnified(painting.picture, self.factor))

    def _style_of(self, explanation: Explanation) -> StyleOptions:
        return self.options.for_map(coarse=explanation.method in methods.COARSE)

    def _magnified(self, cell: PictureCell) -> PictureCell:
        return replace(cell, picture=magnified(cell.picture, self.factor))
