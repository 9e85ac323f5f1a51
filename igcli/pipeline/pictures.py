"""The files of one attributed image, as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from igcli import methods
from igcli.models.load import Model
from igcli.outputs.arrays import encode_arrays
from igcli.records import Explanation, Pixels, Sample
from igcli.render import gif
from igcli.render.cells import attribution_cell, image_cell, label_cell
from igcli.render.encode import encode_image
from igcli.render.options import GifOptions, PanelOptions
from igcli.render.painting import paint
from igcli.render.panel import Cell, TextCell, compose


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel's file.

    Attributes:
        data: Its bytes.
        flat: Methods whose picture highlights nothing.
    """

    data: bytes
    flat: tuple[str, ...]


def panel(
    sample: Sample, found: Sequence[Explanation], model: Model, options: PanelOptions
) -> Panel:
    """Draw and encode the panel of an image and its explanations, the main one first."""
    flat: list[str] = []
    cells: list[Cell] = []
    for column in options.columns or ("image", "label", found[0].method):
        if column == "image":
            cells.append(image_cell(sample.image))
        elif column == "label":
            cells.append(_label_cell(found, model))
        for each in (each for each in found if each.method == column):
            painting = paint(sample.image, each.attributions, options)
            if painting.flat:
                flat.append(column)
            label = model.label(each.target) if each.chosen else "top label"
            heading = methods.load(column).HEADING
            cells.append(attribution_cell(heading, painting.picture, label=label))
    data = encode_image(compose(cells), format=options.format, quality=options.quality)
    return Panel(data, tuple(flat))


def _label_cell(found: Sequence[Explanation], model: Model) -> TextCell:
    """Return every target of the main method with its score."""
    cells = [
        label_cell(model.label(each.target), each.score, is_top=not each.chosen)
        for each in found
        if each.method == found[0].method
    ]
    return TextCell(cells[0].heading, tuple(line for cell in cells for line in cell.lines))


def animation(image: Pixels, found: Explanation, options: GifOptions) -> bytes:
    """Draw and encode the GIF of an image's interior gradients."""
    if found.interior is None:
        raise ValueError("no interior gradients were asked for")
    frames = gif.frames(image, found.interior.maps, found.interior.alphas, options=options)
    return gif.encode_gif(frames, frame_ms=options.frame_ms, loop=options.loop)


def arrays(sample: Sample, found: Sequence[Explanation]) -> bytes:
    """Encode the arrays of an image and its explanations, the main one first."""
    main = found[0]
    further = {f"attributions_{each.method}_{each.target}": each.attributions for each in found[1:]}
    return encode_arrays(
        image=sample.image,
        baseline=main.baseline,
        attributions=main.attributions,
        alphas=main.alphas,
        scores=main.scores,
        target=main.target,
        **further,
    )
