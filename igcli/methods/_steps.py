"""Steps of methods whose path has no intervals to refine."""

from igcli.paths.options import PathOptions

UNREFINED = 100
"""Steps where `steps: auto` asks for what such a path cannot do."""


def whole_steps(options: PathOptions) -> int:
    """Return the number of steps."""
    steps: int | str = options.steps
    return steps if isinstance(steps, int) else UNREFINED
