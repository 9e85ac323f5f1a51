"""In which numbers gradients are computed."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from igcli.models.runtime import tensorflow

tf = tensorflow()

_SWITCH = "auto_mixed_precision_onednn_bfloat16"


@contextmanager
def computing_in(precision: Literal["float32", "bfloat16"]) -> Iterator[None]:
    """Compile and run functions called inside, on this thread, in the precision wanted.

    bfloat16 is for matrix products and convolutions on CPUs that have it; sums and what is
    sensitive to rounding stay float32. TensorFlow compiles each function once for each setting.
    """
    if precision == "float32":
        yield
        return
    options = tf.config.optimizer
    before = options.get_experimental_options().get(_SWITCH, False)
    options.set_experimental_options({_SWITCH: True})
    try:
        yield
    finally:
        options.set_experimental_options({_SWITCH: before})
