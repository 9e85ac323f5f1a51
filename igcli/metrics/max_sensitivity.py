"""Largest change of the attributions when the image hardly changes: small is good.

Source: Yeh, Hsieh, Suggala, Inouye and Ravikumar 2019 (arXiv 1901.09392), SENS_MAX: the largest L2
distance of the attributions of x and of x + d, over d with no value beyond the radius, each of
which is drawn uniformly. As in the authors' code, captum and Quantus, it is divided by the norm of
the attributions of x, unless `normalize: false`. The radius is captum's, as is the number of
samples (Quantus 0.6 takes 200, and a lower bound of its uniform noise that is 0.2 by default).

Each sample costs as much as the attributions themselves.
"""

import numpy as np

from igcli.integration.randomness import seeds
from igcli.integration.requests import CHUNK_SIZE, Computation, concurrently
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.records import Array

HEADING = "Max-sensitivity"
HIGHER_IS_BETTER = False
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False

NOT_AGAIN = "undefined: these attributions cannot be computed for other images"
ZERO = "undefined: all attributions are zero"


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the largest relative distance of the attributions of changed images."""
    own = options.max_sensitivity
    if subject.attribute is None:
        return Measurement(None, warnings=(NOT_AGAIN,))
    attributions = subject.attributions.astype(np.float64)
    norm = np.linalg.norm(attributions) if own.normalize else 1.0
    if norm == 0:
        return Measurement(None, warnings=(ZERO,))
    drawn = seeds(subject.seed, subject.image, "max_sensitivity", own.samples)
    distances: list[float] = []
    for start in range(0, len(drawn), CHUNK_SIZE):
        images = [_near(subject.image, own.radius, seed) for seed in drawn[start:][:CHUNK_SIZE]]
        found = yield from concurrently([subject.attribute(image) for image in images])
        distances += [float(np.linalg.norm(each - attributions)) for each in found]
    return Measurement(float(max(distances) / norm))


def _near(image: Array, radius: float, seed: np.random.SeedSequence) -> Array:
    random = np.random.default_rng(seed).random(image.shape, np.float32)
    return image + np.float32(255 * radius) * (2 * random - 1)
