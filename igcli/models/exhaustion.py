"""What TensorFlow raises when memory runs out, as one error."""

from collections.abc import Iterator
from contextlib import contextmanager

from igcli.errors import OutOfMemoryError
from igcli.models.runtime import tensorflow

tf = tensorflow()


@contextmanager
def out_of_memory() -> Iterator[None]:
    """Turn the errors of a device without memory into `OutOfMemoryError`."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise OutOfMemoryError("model: out of memory; lower --batch-size") from error
    except (tf.errors.InternalError, tf.errors.UnknownError) as error:
        # CUDA's own libraries say it in words alone.
        text = str(error).lower().replace("_", " ")
        if "out of memory" not in text and "failed to allocate" not in text:
            raise
        raise OutOfMemoryError("model: out of memory; lower --batch-size") from error
