"""Traces functions for fixed signatures."""

from collections.abc import Callable
from typing import Any

from igcli.models.runtime import tensorflow

tf = tensorflow()


def traced(
    function: Callable[..., Any], *signature: Any, jit_compile: bool | None = None
) -> Callable[..., Any]:
    """Return a concrete function; TensorFlow warns if many functions are traced by calls."""
    compiled = tf.function(
        lambda *arguments: function(*arguments), autograph=False, jit_compile=jit_compile
    )
    return compiled.get_concrete_function(*signature)  # type: ignore[no-any-return]
