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
    return np.random.default_rng(_seeds(seed, image, purpose))


def seeds(seed: int, image: Array, purpose: str, count: int) -> list[np.random.SeedSequence]:
    """Return seeds of independent generators, for draws that are made in any order.

    Args:
        seed: The run's seed, 0 or more.
        image: See `generator`.
        purpose: See `generator`.
        count: Number of seeds.
    """
    return np.random.SeedSequence(_seeds(seed, image, purpose)).spawn(count)


def _seeds(seed: int, image: Array, purpose: str) -> list[int]:
    digest = hashlib.sha256(f"{purpose} {image.shape} {image.dtype}".encode())
    digest.update(np.ascontiguousarray(image).data)
    return [seed, *np.frombuffer(digest.digest(), np.uint32).tolist()]
