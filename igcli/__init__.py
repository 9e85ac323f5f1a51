"""Shows what an image classifier's prediction rests on."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from igcli.api.attribute import Attribution, attribute, load_model
    from igcli.errors import IgcliError

__all__ = ["Attribution", "IgcliError", "attribute", "load_model"]


def __getattr__(name: str) -> Any:
    """Import the interface at its first use: `import igcli` imports no TensorFlow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from igcli import errors
    from igcli.api import attribute as interface

    return getattr(errors if name == "IgcliError" else interface, name)
