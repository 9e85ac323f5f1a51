from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from igcli.errors import OutOfMemoryError
from igcli.integration.network import Points
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.runtime import translate_memory_errors

SHAPE = (4, 4, 3)


def test_a_network_that_wants_too_much_memory_says_so() -> None:
    def scores(x: Any) -> Any:
        wide = tf.tile(tf.reduce_max(x, [1, 2, 3])[:, None, None], [1, 1 << 22, 1 << 23])  # 128 TiB
        return tf.nn.softmax(tf.reduce_mean(x, [1, 2]) * tf.reduce_max(wide, [1, 2])[:, None])

    network = TensorFlowNetwork(scores, SHAPE)
    image = np.ones(SHAPE, np.float32)
    with pytest.raises(OutOfMemoryError, match=r"^model: out of memory"):
        network.predict(image[None])
    zeros = np.zeros(2, np.int32)
    with pytest.raises(OutOfMemoryError):
        network.gradients(
            Points([network.place(image, image)], zeros, zeros.astype(np.float32), zeros)
        )


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
        tf.errors.InternalError(None, None, "CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        tf.errors.UnknownError(None, None, "Failed to allocate scratch space"),
        MemoryError(),
    ],
)
def test_all_that_lack_of_memory_looks_like(error: Exception) -> None:
    with pytest.raises(OutOfMemoryError), translate_memory_errors():
        raise error


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(tf.errors.InternalError), translate_memory_errors():
        raise tf.errors.InternalError(None, None, "no such kernel")
