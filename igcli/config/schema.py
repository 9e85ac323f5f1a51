"""The root of the YAML file, composed of the rooms' options."""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from igcli import registry
from igcli.config.keys import keys_of
from igcli.models.options import Explained, ModelOptions
from igcli.options import Expected, Options, PathField, Switch
from igcli.paths.options import PathOptions
from igcli.render.options import GifOptions, PanelOptions


def _methods() -> tuple[str, ...]:
    # Looked up without importing the methods, and NumPy with them.
    spec = find_spec("igcli.methods")
    return registry.names(spec.submodule_search_locations or ()) if spec else ()


if TYPE_CHECKING:
    MethodName = str
    ColumnName = str
else:
    MethodName = Literal[_methods()]
    ColumnName = Literal["image", "label", *_methods()]


class _Network(Options):
    """The first section; the order of a class's bases puts it before those of its own fields."""

    model: ModelOptions = ModelOptions()
    """The network to explain."""


class Panel(PanelOptions):
    """A panel whose columns may be all that the run computes."""

    columns: tuple[ColumnName, ...] | None = Field(
        default=None, min_length=1, examples=[("image", "label", "integrated_gradients")]
    )
    """Columns from left to right: image, label and methods; these two and the run's method if not
    given."""


class Settings(PathOptions, _Network):
    """Everything a user can set."""

    method: MethodName = "integrated_gradients"
    """How the prediction is attributed to the pixels."""

    explain: Explained = "probability"
    """Which score: probability, the network's output, or logit, the value before its softmax or
    sigmoid."""

    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """Gradient evaluations at a time."""

    device: Annotated[
        str, Field(pattern="^(auto|cpu|gpu(:[0-9]{1,4})?)$"), Expected("auto, cpu, gpu or gpu:N")
    ] = "auto"
    """What the network runs on; auto takes a GPU where there is one."""

    output: Annotated[str, PathField()] = "igcli-output"
    """Folder that everything is written to."""

    panel: Panel = Panel()
    """The picture for each image."""

    gif: Annotated[GifOptions | None, Switch()] = None
    """Animation of the interior gradients for each image."""

    arrays: bool = False
    """Attributions as numbers (.npz) for each image."""


KEYS = keys_of(Settings)
"""Every key of the schema."""
