"""Attribution methods: one file each, found by its name."""

from collections.abc import Iterable
from importlib.util import find_spec
from typing import cast

from igcli import registry
from igcli.errors import UsageError
from igcli.integration.options import PathOptions
from igcli.methods._options import (
    COARSE,
    ExpectedGradientsOptions,
    MethodOptions,
    layers_of,
    own_options,
    with_multiply_by_input,
)
from igcli.methods._protocol import Method, References, Task

__all__ = [
    "COARSE",
    "METHODS",
    "ExpectedGradientsOptions",
    "Method",
    "MethodOptions",
    "References",
    "Task",
    "above_minimum",
    "check_installed",
    "check_steps",
    "layers_of",
    "load",
    "own_options",
    "takes_max",
    "with_multiply_by_input",
]

METHODS = registry.names(__path__)
"""Names of all methods."""


def check_steps(names: Iterable[str], options: PathOptions) -> None:
    """Refuse auto steps for methods that cannot be refined.

    Raises:
        UsageError: The message lists the methods that can.
    """
    if options.steps != "auto":
        return
    for name in names:
        # A method on top of another one has the other's path.
        around = getattr(getattr(options, name, None), "around", name)
        if load(around).REFINABLE is False:
            refinable = [method for method in METHODS if load(method).REFINABLE]
            raise UsageError(
                f"steps: auto: {around} cannot be refined; {', '.join(refinable)} can: give a "
                "number of steps"
            )


def check_installed(names: Iterable[str]) -> None:
    """Refuse methods that need a package which is not installed, without importing it.

    Raises:
        UsageError: The message names the extra.
    """
    for name in names:
        package = getattr(load(name), "PACKAGE", None)
        if package is not None and find_spec(package) is None:
            raise UsageError(f"method: {name} needs an extra: pip install 'igcli[{name}]'")


def load(name: str) -> Method:
    """Return the method called `name`, one of `METHODS`."""
    return cast(Method, registry.load(__name__, name))


def takes_max(name: str) -> bool:
    """Return whether pictures of a method show the largest value over the channels."""
    return _has(name, "TAKES_MAX")


def above_minimum(name: str) -> bool:
    """Return whether pictures of a method show how far values lie above the smallest one."""
    return _has(name, "ABOVE_MINIMUM")


def _has(name: str, mark: str) -> bool:
    return bool(getattr(load(name), mark, False)) if name in METHODS else False
