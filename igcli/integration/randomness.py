"""Randomness that depends on the seed and the image alone, not on its place in a run."""

import hashlib

import numpy as np

from igcli.records import Array


def generator(seed: int, image: Array, purpose: str) -> np.random.Generator:
    """Return a generator for one purpose: "baseline 3".

    Args:
        seed: Of the run, 0 or more.
        image: Its content and shape make part of the seed.
        purpose: Keeps the draws of one image independent of each other.
    """
    digest = hashlib.sha256(f"{purpose} {image.shape} {image.dtype}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return np.random.default_rng([seed, *np.frombuffer(digest.digest(), np.uint32)])
