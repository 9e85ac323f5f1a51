"""What class activation maps share: values at a layer, and a map of them as large as the image."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from igcli.integration import bilinear
from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, LayerGradient, gradient_at_layer
from igcli.methods._options import LayerOptions, own_options
from igcli.methods._protocol import Task
from igcli.methods._shared import check_image
from igcli.records import Explanation

Double = npt.NDArray[np.float64]

NOT_POSITIVE = "the map is nowhere positive: nothing is attributed"


def explain_at_layer(
    method: str,
    task: Task,
    options: PathOptions,
    group: type[LayerOptions],
    map_of: Callable[[Double, Double], Double],
) -> Computation[Explanation]:
    """Return attributions whose channel sum is a map of a layer's values and gradients.

    Args:
        method: Name of the method.
        task: The input.
        options: Options of all methods.
        group: The method's own options.
        map_of: Makes a map (h, w) of values and gradients (h, w, c), all of them float64.

    Raises:
        ValueError: The input is not an image.
    """
    check_image(task, method)
    layer = own_options(options, group).layer
    at_layer = yield from gradient_at_layer(LayerGradient(task.image, task.target, layer))
    values, gradients = (
        array.astype(np.float64) for array in (at_layer.activations, at_layer.gradients)
    )
    channel_axis = 0 if at_layer.channels_first else 2
    height, width = np.delete(task.image.shape, channel_axis)
    resized = resize(np.maximum(map_of(values, gradients), 0), int(height), int(width))
    share = np.expand_dims(resized / task.image.shape[channel_axis], channel_axis)
    return Explanation(
        method=method,
        target=task.target,
        baseline=task.baseline,
        attributions=np.broadcast_to(share, task.image.shape).astype(np.float32),
        score=at_layer.score,
        baseline_score=task.baseline_score,
        alphas=np.ones(1),
        scores=np.array([at_layer.score], np.float32),
        evaluations=1,
        complete=False,
        warnings=(NOT_POSITIVE,) if gradients.any() and not resized.any() else (),
    )


def resize(values: Double, height: int, width: int) -> Double:
    """Return a map (h, w) resized to (height, width), bilinearly."""
    rows, columns = (
        bilinear.weights(*sizes) for sizes in zip(values.shape, (height, width), strict=True)
    )
    resized: Double = rows @ values @ columns.T
    return resized
