"""Attribution methods: one file each, found by its name."""

from typing import cast

from igcli import registry
from igcli.methods._options import MethodOptions, multiplied, own
from igcli.methods._protocol import Method, References, Task

__all__ = ["METHODS", "Method", "MethodOptions", "References", "Task", "load", "multiplied", "own"]

METHODS = registry.names(__path__)
"""Names of all methods."""


def load(name: str) -> Method:
    """Return the method called `name`, one of `METHODS`."""
    return cast(Method, registry.load(__name__, name))
