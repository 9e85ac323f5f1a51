"""Options of the methods that have any: one file each, under the method's name.

They lie apart from the methods, which need NumPy, because `--help` prints them.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import Field, create_model

from igcli import registry
from igcli.options import Options
from igcli.paths.options import PathOptions

Group = TypeVar("Group", bound=Options)


def own(options: PathOptions, group: type[Group]) -> Group:
    """Return a method's own options, their defaults where `options` has none."""
    found = (value for _, value in options if isinstance(value, group))
    return next(found, group())


def _groups() -> dict[str, Any]:
    """Return a field for the OPTIONS of every file here."""
    found = {}
    for name in registry.names(__path__):
        group: type[Options] = registry.load(__name__, name).OPTIONS
        found[name] = (group, Field(default=group(), description=group.__doc__))
    return found


if TYPE_CHECKING:

    class MethodOptions(PathOptions):
        """Options of the path and of every method."""

else:
    MethodOptions = create_model("MethodOptions", __base__=PathOptions, **_groups())
