"""Steps of methods whose path has no intervals to refine."""

from igcli.integration.options import PathOptions


def whole_steps(options: PathOptions, method: str) -> int:
    """Return the number of steps.

    Raises:
        ValueError: They are "auto".
    """
    steps: int | str = options.steps
    if isinstance(steps, int):
        return steps
    raise ValueError(f"steps: auto: {method} cannot be refined: give a number of steps")
