"""TensorFlow, imported late and without its chatter."""

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """Keep what native code writes to standard error, and show it only if something is raised."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        real = os.dup(2)
        try:
            os.dup2(kept.fileno(), 2)
            yield
        except Exception:
            kept.seek(0)
            os.write(real, kept.read())
            raise
        finally:
            os.dup2(real, 2)
            os.close(real)


def tensorflow() -> ModuleType:
    """Return TensorFlow, imported at the first call."""
    if "tensorflow" not in sys.modules:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        with quiet_stderr():
            import tensorflow as tf

            logging.getLogger("tensorflow").setLevel(logging.ERROR)
            # Looking for devices is what makes the native side talk.
            tf.config.list_physical_devices()
    return sys.modules["tensorflow"]
