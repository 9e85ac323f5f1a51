"""Squared error of what attributions predict of a perturbation's effect: small is good.

Source: Yeh, Hsieh, Suggala, Inouye and Ravikumar 2019 (arXiv 1901.09392), definition 2.1: the mean
over perturbations I of (I . a - (f(x) - f(x - I)))**2, where a are gradients or the like. The
perturbations of the paper are the removal of a square from the image, and I = x minus a noisy
baseline; captum's example adds noise to the image. The score is the explained one. The authors'
code takes every square of 1 to 10 pixels, or 10,000 noisy baselines (cut off at black and white,
here they are not), captum 10 perturbations by default.

Attributions that were multiplied by the difference of image and baseline, as most are, are divided
by it again, with a difference of zero taken for one. That is captum's `multiply_by_inputs` of its
`infidelity_perturb_func_decorator`: for a square that becomes the baseline, I . a is the sum of the
attributions in it. With `multiplied_by_input: false` they are taken for gradients, as Quantus 0.6
always does; it also leaves earlier squares removed when it goes on to the next.

With `normalize`, attributions are scaled by the best factor, as in the authors' code and captum's
`normalize`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from igcli.integration.randomness import seeds
from igcli.integration.requests import Computation, predict_target
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._options import InfidelityOptions
from igcli.metrics._shared import replacement_for
from igcli.metrics._subsets import Vector
from igcli.records import Array

HEADING = "Infidelity"
HIGHER_IS_BETTER = False
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = True


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the mean squared error over the perturbations."""
    own = options.infidelity
    drawn = seeds(subject.seed, subject.image, "infidelity", own.samples)
    perturbed = PerturbedImages(subject, own, replacement_for(subject, own.fill), drawn)
    answer = yield from predict_target(perturbed, subject.target)
    scores = answer.astype(np.float64)
    predicted, falls = perturbed.predicted_falls(), scores[0] - scores[1:]
    if own.normalize and predicted.any():
        predicted *= (predicted @ falls) / (predicted @ predicted)
    return Measurement(float(np.mean((predicted - falls) ** 2)))


@dataclass(frozen=True, slots=True, eq=False)
class PerturbedImages:
    """The image, and perturbed copies of it.

    Attributes:
        subject: Its image is perturbed.
        options: How.
        replacement: Float32 (H, W, C), what a square is replaced by.
        seeds: What each perturbation is drawn from.
    """

    subject: Subject
    options: InfidelityOptions
    replacement: Array
    seeds: Sequence[np.random.SeedSequence]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.seeds) + 1

    def write(self, indices: range, out: Array) -> None:
        """Write the image, whose index is 0, and perturbed ones: float32 (n, H, W, C)."""
        for index, image in zip(indices, out, strict=True):
            self._write_one(index, image)

    def _write_one(self, index: int, out: Array) -> None:
        np.copyto(out, self.subject.image)
        if index == 0:
            return
        random = np.random.default_rng(self.seeds[index - 1])
        if self.options.perturbation == "square":
            square = _square(random, out.shape, self.options.square_size)
            out[square] = self.replacement[square]
            return
        if self.options.perturbation == "noisy_baseline":
            np.copyto(out, self.subject.baseline)
        out += np.float32(255 * self.options.noise) * random.standard_normal(out.shape, np.float32)

    def predicted_falls(self) -> Vector:
        """Return I . a for each perturbation I, the image minus the perturbed one."""
        image = self.subject.image.astype(np.float64)
        gradients = self.subject.attributions.astype(np.float64)
        if self.options.multiplied_by_input:
            difference = image - self.subject.baseline
            gradients /= np.where(difference == 0, 1, difference)
        changed = np.empty_like(self.subject.image)
        falls = np.empty(len(self.seeds))
        for index in range(len(self.seeds)):
            self._write_one(index + 1, changed)
            falls[index] = np.vdot(gradients, image - changed)
        return falls


def _square(random: np.random.Generator, shape: tuple[int, ...], size: int) -> tuple[slice, slice]:
    """Return a random square within an image (H, W, C), cut to its sides."""
    starts = [int(random.integers(max(1, side - size + 1))) for side in shape[:2]]
    return slice(starts[0], starts[0] + size), slice(starts[1], starts[1] + size)
