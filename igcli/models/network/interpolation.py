"""Points on straight lines and derivatives along them, as TensorFlow operations."""

from dataclasses import dataclass
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()


@dataclass(frozen=True, slots=True, eq=False)
class PlacedLine:
    """A straight line, placed where the network computes.

    Attributes:
        start: Where alpha is 0, after the network's stem if it has one.
        direction: From there to where alpha is 1.
        ends: Start and direction in pixel space.
    """

    start: Any
    direction: Any
    ends: tuple[Any, Any]


def points_on(starts: Any, directions: Any, line: Any, alpha: Any) -> Any:
    """Return the points start + alpha * direction, (B, ...).

    One matrix product computes them, which writes memory only once.

    Args:
        starts: (S, ...), of S lines.
        directions: (S, ...).
        line: Int32 (B,), the line of each point.
        alpha: Float32 (B,).
    """
    chosen = tf.one_hot(line, tf.shape(starts)[0])
    factors = tf.concat([chosen, chosen * alpha[:, None]], 1)
    terms = tf.concat([starts, directions], 0)
    flat = tf.matmul(factors, tf.reshape(terms, [tf.shape(terms)[0], -1]))
    return tf.reshape(flat, [-1, *starts.shape[1:]])


def slopes_along(directions: Any, gradients: Any, line: Any) -> Any:
    """Return each gradient times the direction of its line, float32 (B,).

    Each line gets a product of its own, so that the number of lines does not change a bit.

    Args:
        directions: (S, ...).
        gradients: (B, ...).
        line: Int32 (B,), the line of each gradient.
    """
    flat = tf.reshape(gradients, [tf.shape(gradients)[0], -1])
    products = tf.map_fn(
        lambda direction: tf.linalg.matvec(flat, tf.reshape(direction, [-1])), directions
    )
    return tf.gather(tf.transpose(products), line, batch_dims=1)
