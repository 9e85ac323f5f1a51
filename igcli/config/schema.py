"""The root of the YAML file, composed of the rooms' options."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from igcli.config.keys import keys_of
from igcli.images.options import Limits
from igcli.methods import METHODS, MethodOptions
from igcli.models.options import Explained, ModelOptions, Precision
from igcli.options import Expected, Options, PathField, Switch
from igcli.render.options import GIF_COLUMNS, SPECIAL_COLUMNS, GifOptions, PanelOptions

if TYPE_CHECKING:
    MethodName = str
    ColumnName = str
    GifColumnName = str
else:
    MethodName = Literal[METHODS]
    ColumnName = Literal[*SPECIAL_COLUMNS, *METHODS]
    GifColumnName = Literal[*GIF_COLUMNS, *METHODS]


class _Network(Options):
    """The first section; the order of a class's bases puts it before those of its own fields."""

    model: ModelOptions = ModelOptions()
    """The network to explain."""


class Panel(PanelOptions):
    """A panel whose columns may be all that the run computes."""

    columns: tuple[ColumnName, ...] = Field(default=("image", "label", "method"), min_length=1)
    """Columns from left to right: image, label, method (the run's), methods by name, baseline,
    path (the score along it) and colorbar."""


class Gif(GifOptions):
    """An animation beside which may stand what the run computes."""

    columns: tuple[GifColumnName, ...] = ()
    """Columns beside the gradients: image, label, method, methods by name, baseline and path, the
    score along it with a moving point."""


class _Run(MethodOptions, _Network):
    """What is asked, and what comes of it."""

    method: MethodName = "integrated_gradients"
    """How the prediction is attributed to the pixels."""

    target: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1)],
        Expected("top, top:N, folder, a class index or a label"),
    ] = "top"
    """The output to explain; top:3 explains the three highest, a panel's column each; folder takes
    the name of an image's folder as its label, or the .cls member beside it in a tar file."""

    targets: Annotated[str | None, PathField()] = Field(default=None, examples=["targets.csv"])
    """CSV file with a path and a label or index in each row, for images with other targets; with
    or without a header."""

    explain: Explained = "probability"
    """Which score: probability, the network's output, or logit, the value before its softmax or
    sigmoid."""

    max_error: float | None = Field(default=None, ge=0, examples=[0.05])
    """Completeness error, of the run's method and first target, beyond which an image is named in
    the summary and the exit code is 3."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Gradient evaluations at a time; auto measures where a run is long enough to gain by it."""

    device: Annotated[
        str, Field(pattern="^(auto|cpu|gpu(:[0-9]{1,4})?)$"), Expected("auto, cpu, gpu or gpu:N")
    ] = "auto"
    """What the network runs on; auto takes a GPU where there is one."""

    precision: Precision = "float32"
    """Numbers that gradients are computed in: float32, bfloat16 (faster for dense networks where
    the processor has it), or auto, which tries both on the first image."""

    output: Annotated[str, PathField()] = "igcli-output"
    """Folder that everything is written to."""

    panel: Panel = Panel()
    """The picture for each image."""

    gif: Annotated[Gif | None, Switch()] = None
    """Animation of the interior gradients for each image."""

    arrays: bool = False
    """Attributions as numbers (.npz) for each image."""

    gallery: bool = False
    """A page to look at the run, index.html."""


class Settings(Limits, _Run):
    """Everything a user can set."""


KEYS = keys_of(Settings)
"""Every key of the schema."""
