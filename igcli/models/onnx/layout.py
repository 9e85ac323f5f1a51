"""Brings the inputs of one operator into one layout."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from igcli.models.onnx.values import Value, last_axes
from igcli.models.runtime import tensorflow

tf = tensorflow()


def aligned(values: Sequence[Value]) -> tuple[list[Any], bool]:
    """Return tensors that broadcast against each other as declared, and whether channels are last.

    Channels stay last where one value has them so and the others can follow.
    """
    ranks = [value.rank for value in values if value.channels_last]
    if not ranks or max(value.rank for value in values) > max(ranks):
        return [value.declared().data for value in values], False
    rank = max(ranks)
    return [_followed(value, rank) for value in values], True


def _followed(value: Value, rank: int) -> Any:
    if value.channels_last and value.rank == rank:
        return value.data
    value = value.declared()
    if value.is_constant:
        if value.data.size == 1:
            return value.data.reshape([1] * rank)
        padded = value.data.reshape([1] * (rank - value.rank) + list(value.shape))
        return np.transpose(padded, last_axes(rank))
    if value.rank == 0:
        return value.data
    tensor = value.data
    for _ in range(rank - value.rank):
        tensor = tf.expand_dims(tensor, 0)
    return tf.transpose(tensor, last_axes(rank))
