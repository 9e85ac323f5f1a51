"""Baselines: inputs that stand for "nothing there", in pixel space."""

from collections.abc import Callable

import numpy as np

from igcli.records import Array


def black(image: Array) -> Array:
    """Return zeros in the shape of `image`."""
    return np.zeros_like(image)


BASELINES: dict[str, Callable[[Array], Array]] = {"black": black}
"""Baselines by the name they have in the configuration, called with the image."""
