"""Options of the methods that have any: one file each, under the method's name.

They lie apart from the methods, which need NumPy, because `--help` prints them.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, create_model

from igcli import registry
from igcli.integration.options import PathOptions
from igcli.methods._options._multiplied import Multiplied
from igcli.options import Options

Group = TypeVar("Group", bound=Options)
Path = TypeVar("Path", bound=PathOptions)


def own(options: PathOptions, group: type[Group]) -> Group:
    """Return a method's own options, their defaults where `options` has none."""
    found = (value for _, value in options if isinstance(value, group))
    return next(found, group())


def multiplied(options: Path, name: str, multiply: bool) -> Path:
    """Return options by which a method multiplies by the input, or does not.

    Raises:
        ValueError: The method cannot do without, or it is neither true nor false.
    """
    if not isinstance(multiply, bool):
        raise ValueError(f"multiply_by_input: must be True or False, not {multiply!r}")
    able = [each for each in registry.names(__path__) if issubclass(_group(each), Multiplied)]
    if name not in able:
        raise ValueError(f"multiply_by_input: {name} has no such choice; {', '.join(able)} have")
    changed = own(options, _group(name)).model_copy(update={"multiply_by_input": multiply})
    return options.model_copy(update={name: changed})


def _group(name: str) -> type[Options]:
    group: type[Options] = registry.load(__name__, name).OPTIONS
    return group


def _groups() -> dict[str, Any]:
    """Return a field for the OPTIONS of every file here."""
    found = {}
    for name in registry.names(__path__):
        group = _group(name)
        found[name] = (group, Field(default=group(), description=group.__doc__))
    return found


if TYPE_CHECKING:

    class MethodOptions(PathOptions):
        """Options of the path and of every method."""

else:
    MethodOptions = create_model("MethodOptions", __base__=PathOptions, **_groups())
