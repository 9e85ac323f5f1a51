"""Random generators that depend on the seed and the image alone, not on its position in a run."""

import hashlib

import numpy as np

from igcli.records import Array


def generator(seed: int, image: Array, purpose: str) -> np.random.Generator:
    """Return a generator for one purpose, such as "baseline 3".

    Args:
        seed: The run's seed, 0 or more.
        image: Its content, shape and type are part of the seed.
        purpose: Keeps the random numbers of one image independent of each other.
    """
    digest = hashlib.sha256(f"{purpose} {image.shape} {image.dtype}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return np.random.default_rng([seed, *np.frombuffer(digest.digest(), np.uint32)])
