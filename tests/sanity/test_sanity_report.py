"""The table of `igcli sanity`."""

import pytest

from igcli.sanity.report import Table, flat_methods
from igcli.sanity.run import Start
from igcli.sanity.similarity import Similarity
from igcli.sanity.stages import Stage
from igcli.sanity.summary import Row

LAYER = "functional_1/block_13_expand_1/convolution"


def row(
    method: str = "gradients",
    *,
    flat: int = 0,
    score: float | None = 0.98765,
    ssim: float | None = None,
) -> Row:
    mean = Similarity(-0.123456, 0.5, ssim)
    return Row(method, Stage("cascading", 28, LAYER), mean, 3, flat, score)


def test_a_row_is_aligned_with_the_headings() -> None:
    table = Table(["gradients"], 28)
    heading, control = table.head(Start((), {"edges": Similarity(1.0, 1.0, 1.0)}))
    assert heading == "   layers  correlation  absolute     SSIM      score  down to"
    assert control == "        -       1.0000    1.0000   1.0000          -  control: edges"
    whole = f" 28 of 28      -0.1235    0.5000        -     0.9877  {LAYER}"
    assert table.row(row()) == whole
    assert table.row(row(score=None)) == whole.replace("0.9877", "     -")


@pytest.mark.parametrize(
    ("methods", "width", "name"),
    [
        (("gradients",), None, LAYER),
        (("gradients",), 54 + len(LAYER), LAYER),
        (("gradients",), 53 + len(LAYER), "functional_1/block_13_expand_1"),
        (("gradients",), 80, "...nal_1/block_13_expand_1"),
        (("gradients", "saliency"), 80, "..._13_expand_1"),
        (("gradients", "saliency"), 20, "..._expand_1"),
    ],
)
def test_names_of_layers_are_cut_to_the_terminal(
    methods: tuple[str, ...], width: int | None, name: str
) -> None:
    line = Table(methods, 28, width=width).row(row())
    assert line.split()[-1] == name
    assert width in (None, 20) or len(line) <= width


def test_flat_attributions_are_named_once_a_method() -> None:
    rows = [row(), row("saliency", flat=1, ssim=0.2), row("saliency", flat=2), row("rise", flat=3)]
    # Of a method without any that are not flat, the verdict speaks.
    assert [*flat_methods(rows)] == [
        "saliency: warning: flat attributions, which have no order: 2 of 3 images"
    ]
