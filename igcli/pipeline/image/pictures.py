"""The pictures of one attributed image: the columns of its panel and GIF, and the encoded files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from igcli import methods
from igcli.models.load import Model
from igcli.outputs.arrays import encode_arrays
from igcli.pipeline.image.context import Context, ImageInProgress
from igcli.records import Explanation, Pixels
from igcli.render import animation, panel
from igcli.render.curve import Curve
from igcli.render.encoders import encode_image
from igcli.render.options import GifOptions, LabelLine, StyleOptions
from igcli.render.panel import Cell, PictureCell, TargetInfo, compose, path_cell
from igcli.render.style_common import as_rgb
from igcli.render.visualize import Painting, magnification, magnified, paint

BESIDE = ("path", "colorbar")
"""Columns that belong to the method's column left of them, one for each of its pictures."""

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
        """Return the cells of the columns from left to right, with paths as curves.

        Baseline, path and colour bar are those of the method's column left of them, or else of
        the main method.
        """
        main = self.explanations[0].method
        current = self._of(main)
        cells: list[Cell | Curve] = []
        for group in _grouped([main if name == "method" else name for name in names]):
            head = group[0]
            current = self._of(head) or current
            if head not in BESIDE and head not in {part.method for part in current}:
                cells.append(self._shared_cell(group.pop(0), current[0], lines))
            cells += [self._cell(name, part) for part in current for name in group]
        return cells

    def _of(self, method: str) -> list[Explanation]:
        return [part for part in self.explanations if part.method == method]

    def _shared_cell(
        self, name: str, explanation: Explanation, lines: tuple[LabelLine, ...]
    ) -> Cell:
        """Return a cell that all targets share: image, baseline or label."""
        if name == "image":
            return self._magnified(panel.image_cell(self.image))
        if name == "baseline":
            return self._magnified(panel.baseline_cell(explanation.baseline))
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

    def _cell(self, name: str, explanation: Explanation) -> Cell | Curve:
        """Return a cell of one target: path, colour bar, or a method's picture."""
        label = self.model.label(explanation.target) if explanation.is_target_given else "top label"
        if name == "path":
            along = self._along_a_path(explanation)
            return Curve(along.alphas, along.scores, along.gathered, label)
        painting = self._painted(explanation)
        if name == "colorbar":
            return panel.colorbar_cell(explanation.displayed, painting, self.options)
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
        painting = paint(self.image, explanation.displayed, self.options, scale=scale)
        return replace(painting, picture=magnified(painting.picture, self.factor))

    def _magnified(self, cell: PictureCell) -> PictureCell:
        return replace(cell, picture=magnified(cell.picture, self.factor))


def _grouped(names: Sequence[str]) -> list[list[str]]:
    """Split columns before each one that does not belong to the one left of it."""
    groups: list[list[str]] = []
    for name in names:
        if groups and name in BESIDE:
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups
