"""What several methods share: fixed steps, the gradient at the image, maps of pixels, noise."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, gradients_at
from igcli.methods._protocol import Task
from igcli.records import Array, Explanation


def fixed_steps(options: PathOptions, method: str) -> int:
    """Return the number of steps, for methods whose path has no intervals to refine.

    Raises:
        ValueError: The steps are "auto".
    """
    steps: int | str = options.steps
    if isinstance(steps, int):
        return steps
    raise ValueError(f"steps: auto: {method} cannot be refined: give a number of steps")


def explain_at_image(
    method: str, task: Task, attributions_of: Callable[[Array], Array], *, takes_max: bool = False
) -> Computation[Explanation]:
    """Return attributions that depend on the gradient at the image alone.

    Args:
        method: Name of the method.
        task: The input.
        attributions_of: Makes attributions of the gradient; both float32, in the input's shape.
        takes_max: As in `Explanation`.
    """
    [at_image] = yield from gradients_at([task.image], task.target)
    return Explanation(
        method=method,
        target=task.target,
        baseline=task.baseline,
        attributions=attributions_of(at_image.gradients),
        score=float(at_image.scores[0]),
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=at_image.scores,
        evaluations=1,
        complete=False,
        takes_max=takes_max,
    )


def check_image(task: Task, method: str) -> None:
    """Refuse inputs without height, width and channels.

    Raises:
        ValueError: The input is not an image (H, W, C).
    """
    if task.image.ndim != 3:
        shape = task.image.shape
        raise ValueError(f"{method}: expected an image (H, W, C), got an array of shape {shape}")


def explanation_from_scores(
    method: str, task: Task, values: npt.NDArray[np.float64], *, predictions: int
) -> Explanation:
    """Return attributions of pixels that come from scores alone, without gradients.

    Args:
        method: Name of the method.
        task: The input.
        values: Float64 (H, W), the attributions; each channel gets an equal part.
        predictions: As in `Explanation`.
    """
    return Explanation(
        method=method,
        target=task.target,
        baseline=task.baseline,
        attributions=evenly_over_channels(values, task.image.shape[2]),
        score=task.score,
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=np.array([task.score], np.float32),
        evaluations=0,
        complete=False,
        predictions=predictions,
    )


def evenly_over_channels(values: npt.NDArray[np.float64], channels: int) -> Array:
    """Return float32 (H, W, C) whose channels are equal and add up to `values` (H, W)."""
    parts = np.repeat((values / channels)[..., np.newaxis], channels, axis=2)
    return parts.astype(np.float32)


def noise_deviation(task: Task, share: float, levels: float | None) -> Array | np.float32:
    """Return the standard deviation of Gaussian noise: one number, or one for each value.

    Args:
        task: The input.
        share: The deviation as a fraction of the input's range.
        levels: The deviation in units of the input, in place of a fraction.
    """
    if levels is not None:
        uniform = np.float32(levels)
        return uniform if task.noise_mask is None else uniform * task.noise_mask
    scale = np.ptp(task.image) if task.noise_scale is None else task.noise_scale
    deviation: Array | np.float32 = np.float32(share) * scale
    return deviation
