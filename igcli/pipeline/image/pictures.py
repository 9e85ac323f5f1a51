"""The files of one attributed image, as bytes."""

from collections.abc import Sequence
from dataclasses import dataclass

from igcli.outputs.arrays import encode_arrays
from igcli.pipeline.image.columns import Columns
from igcli.pipeline.image.context import Context
from igcli.records import Explanation, Sample
from igcli.render import animation
from igcli.render.curve import Curve
from igcli.render.encoders import encode_image
from igcli.render.magnify import magnification
from igcli.render.options import GifOptions
from igcli.render.panel import compose, path_cell
from igcli.render.style_common import as_rgb


@dataclass(frozen=True, slots=True)
class EncodedPanel:
    """A panel's file.

    Attributes:
        data: Its bytes.
        flat: Methods whose picture highlights nothing.
    """

    data: bytes
    flat: tuple[str, ...]


def encode_panel(sample: Sample, found: Sequence[Explanation], context: Context) -> EncodedPanel:
    """Draw and encode the panel of an image and its explanations, the main one first."""
    options = context.settings.panel
    height, width = sample.image.shape[:2]
    factor = magnification(height, width, options.magnify)
    image = as_rgb(sample.image)
    columns = Columns(image, found, context.model, options, context.scales, factor)
    cells = [
        path_cell(cell, height=factor * height, width=factor * width)
        if isinstance(cell, Curve)
        else cell
        for cell in columns.cells(options.columns, options.label_lines)
    ]
    drawn = compose(cells, headings=options.headings, face=context.face)
    data = encode_image(drawn, format=options.format, quality=options.quality)
    return EncodedPanel(data, tuple(sorted(columns.flat)))


def encode_animation(
    sample: Sample, found: Sequence[Explanation], context: Context, options: GifOptions
) -> bytes:
    """Draw and encode the animation of an image's interior gradients, those of the first target."""
    height, width = sample.image.shape[:2]
    factor = magnification(height, width, context.settings.panel.magnify)
    interior, target = found[0].interior, found[0].target
    if interior is None:
        raise ValueError("no interior gradients were asked for")
    shown = [each for each in found if each.target == target]
    image = as_rgb(sample.image)
    columns = Columns(image, shown, context.model, options, factor=factor)
    beside = columns.cells(options.columns)
    return animation.render(
        image, interior, options=options, factor=factor, beside=beside, face=context.face
    )


def encode_npz(sample: Sample, found: Sequence[Explanation]) -> bytes:
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
