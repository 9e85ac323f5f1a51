"""Shows what an image classifier's prediction rests on, by Integrated Gradients.

Every name is imported on first use: `import igcli` imports neither TensorFlow nor NumPy.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from igcli.api.attribute import Attribution, attribute, load_model
    from igcli.errors import (
        DeviceError,
        IgcliError,
        ImageError,
        ModelError,
        NoImagesError,
        OutOfMemoryError,
        OutputError,
        UsageError,
    )
    from igcli.models.load import Model
    from igcli.records import Explanation

    __version__: str

__all__ = [
    "Attribution",
    "DeviceError",
    "Explanation",
    "IgcliError",
    "ImageError",
    "Model",
    "ModelError",
    "NoImagesError",
    "OutOfMemoryError",
    "OutputError",
    "UsageError",
    "__version__",
    "attribute",
    "load_model",
]

_MODULES = {
    "Attribution": "igcli.api.attribute",
    "Explanation": "igcli.records",
    "Model": "igcli.models.load",
    "attribute": "igcli.api.attribute",
    "load_model": "igcli.api.attribute",
}
"""Where a public name is defined, if it is not an error."""

if not TYPE_CHECKING:  # A type checker would accept any name.

    def __getattr__(name: str) -> object:
        """Import a public name on first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module, metadata

        if name == "__version__":
            return metadata.version("igcli")
        return getattr(import_module(_MODULES.get(name, "igcli.errors")), name)

    def __dir__() -> list[str]:
        """List the public names, imported or not."""
        return sorted({*globals(), *__all__})
