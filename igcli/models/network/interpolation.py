"""Points on straight lines and derivatives along them, as TensorFlow operations."""

from dataclasses import dataclass
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()


@dataclass(frozen=True, slots=True, eq=False)
class PlacedLine:
    """A line where the network computes.

    Attributes:
        start: Where alpha is 0, behind the network's stem if it has one.
        direction: From there to where alpha is 1.
        ends: Start and direction in pixel space.
    """

    start: Any
    direction: Any
    ends: tuple[Any, Any]


def points_on(starts: Any, directions: Any, line: Any, alpha: Any) -> Any:
    """Return start + alpha * direction as one product of matrices, which writes memory once.

    Args:
        starts: (S, ...).
        directions: (S, ...).
        line: Int32 (B,), which of them each point lies on.
        alpha: (B,).
    """
    chosen = tf.one_hot(line, tf.shape(starts)[0])
    factors = tf.concat([chosen, chosen * alpha[:, None]], 1)
    both = tf.concat([starts, directions], 0)
    flat = tf.matmul(factors, tf.reshape(both, [tf.shape(both)[0], -1]))
    return tf.reshape(flat, [-1, *starts.shape[1:]])


def slopes_along(directions: Any, gradients: Any, line: Any) -> Any:
    """Return each gradient times its direction; line by line, so that S does not change a bit.

    Args:
        directions: (S, ...).
        gradients: (B, ...).
        line: Int32 (B,), which direction is each gradient's.
    """
    flat = tf.reshape(gradients, [tf.shape(gradients)[0], -1])
    every = tf.map_fn(lambda each: tf.linalg.matvec(flat, tf.reshape(each, [-1])), directions)
    return tf.gather(tf.transpose(every), line, batch_dims=1)
