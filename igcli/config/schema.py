"""The root of the YAML schema, composed of the options of all rooms."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from igcli.config.keys import keys_of
from igcli.images.options import Limits
from igcli.methods import COARSE, METHODS, MethodOptions
from igcli.models.devices import PATTERN, WORDS, as_text, check_devices
from igcli.models.options import Explained, ModelOptions, Precision
from igcli.options import Expected, Options, PathField, Switch
from igcli.render.options import (
    GIF_COLUMNS,
    PRESETS,
    SPECIAL_COLUMNS,
    GifOptions,
    PanelOptions,
)

if TYPE_CHECKING:
    MethodName = str
    ColumnName = str
    GifColumnName = str
else:
    MethodName = Literal[METHODS]
    ColumnName = Literal[*SPECIAL_COLUMNS, *METHODS]
    GifColumnName = Literal[*GIF_COLUMNS, *METHODS]


class _Network(Options):
    """The first section; the order of a class's bases puts it before the class's own fields."""

    model: ModelOptions = ModelOptions()
    """The network to explain."""


class Panel(PanelOptions):
    """A panel whose columns can show everything that the run computes."""

    columns: tuple[ColumnName, ...] = Field(default=("image", "label", "method"), min_length=1)
    """Columns from left to right: image, label, method (the selected one), methods by name,
    baseline, path (the score along it) and colorbar."""


class Gif(GifOptions):
    """An animation with columns beside it that can show everything that the run computes."""

    columns: tuple[GifColumnName, ...] = ()
    """Columns beside the gradients: image, label, method (the selected one), methods by name,
    baseline and path (the score along it, with a moving point)."""


class _Run(MethodOptions, _Network):
    """What to attribute, and what to write."""

    method: MethodName = "integrated_gradients"
    """Attribution method."""

    target: Annotated[
        Annotated[int, Field(ge=0)] | Annotated[str, Field(min_length=1)],
        Expected("top, top:N, folder, a class index or a label", "top|top:N|folder|INDEX|LABEL"),
    ] = "top"
    """Class to explain: top, top:N (the N highest, one panel column each), folder (the name of the
    image's folder, or the .cls member beside it in a tar file), a class index or a
    label."""

    targets: Annotated[str | None, PathField()] = Field(default=None, examples=["targets.csv"])
    """CSV file with a path and a label or index per row, with or without a header, for images with
    targets of their own."""

    explain: Explained = "probability"
    """Score to explain: probability (the network's output) or logit (the value before its softmax
    or sigmoid)."""

    max_error: float | None = Field(default=None, ge=0, examples=[0.05])
    """Maximum completeness error of the selected method and first target; images beyond it are
    named in the summary and the exit code is 3."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Number of gradient evaluations per batch; auto measures the best one if the run is long
    enough to benefit."""

    device: Annotated[
        str,
        Field(pattern=PATTERN),
        BeforeValidator(as_text),
        AfterValidator(check_devices),
        Expected(WORDS, "auto|all|cpu|gpu|gpu:N,N"),
    ] = "auto"
    """Device that runs the network: auto (a GPU if there is one), all (every GPU at the same time,
    or the CPU if there is none), cpu, gpu or numbers of GPUs, such as gpu:0,1,3 or, in YAML,
    [gpu:0, gpu:1]."""

    precision: Precision = "float32"
    """Number format of gradient computations: float32, bfloat16 (faster for dense networks if the
    processor supports it) or auto (tries both on the first image)."""

    output: Annotated[str, PathField()] = "igcli-output"
    """Output folder, or the URL of a store."""

    panel: Panel = Panel()
    """The picture of each image."""

    gif: Annotated[Gif | None, Switch()] = None
    """Write an animation of the interior gradients of each image."""

    arrays: bool = False
    """Write the attributions of each image as numbers (.npz)."""

    gallery: bool = False
    """Write index.html, a page to browse the run."""


class Settings(Limits, _Run):
    """All settings."""

    @model_validator(mode="before")
    @classmethod
    def _style_of_coarse_maps(cls, value: object) -> object:
        """Set the style of panels to auto if nobody gives one and a coarse map is shown.

        Without one it stays what it always was, so that earlier results stay up to date.
        """
        panel = value.get("panel", {}) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(panel, dict):
            return value
        preset, columns = panel.get("preset"), panel.get("columns", ())
        given = {**panel, **(PRESETS.get(preset, {}) if isinstance(preset, str) else {})}
        shown = [value.get("method"), *(columns if isinstance(columns, list | tuple) else ())]
        if "style" in given or not any(name in COARSE for name in shown if isinstance(name, str)):
            return value
        return {**value, "panel": {**panel, "style": "auto"}}


KEYS = keys_of(Settings)
"""Every key of the schema."""
