"""Attribution methods: one file each, found by its name."""

from collections.abc import Iterable
from typing import cast

from igcli import registry
from igcli.errors import UsageError
from igcli.integration.options import PathOptions
from igcli.methods._options import MethodOptions, multiplied, own
from igcli.methods._protocol import Method, References, Task

__all__ = [
    "METHODS",
    "Method",
    "MethodOptions",
    "References",
    "Task",
    "check_steps",
    "load",
    "multiplied",
    "own",
]

METHODS = registry.names(__path__)
"""Names of all methods."""


def check_steps(names: Iterable[str], options: PathOptions) -> None:
    """Refuse auto steps for methods that cannot be refined.

    Raises:
        UsageError: The message lists which can.
    """
    for name in names if options.steps == "auto" else ():
        if load(name).REFINED is False:
            able = [each for each in METHODS if load(each).REFINED]
            raise UsageError(
                f"steps: auto: {name} cannot be refined; {', '.join(able)} can: give a number of "
                "steps"
            )


def load(name: str) -> Method:
    """Return the method called `name`, one of `METHODS`."""
    return cast(Method, registry.load(__name__, name))
