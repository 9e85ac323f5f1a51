"""Baselines of images: where the paths of a run start, one or several for each image."""

import functools
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from igcli.integration import baselines
from igcli.integration.options import BaselineOptions
from igcli.integration.randomness import generator
from igcli.records import Array

PIXELS = (0.0, 255.0)
"""Black and white of images."""

LUMA = (19595, 38470, 7471)
"""Shares of red, green and blue in grey, in 65,536ths. Source: ITU-R BT.601, rounded as in Pillow.
"""


class Baselines(Protocol):
    """The baselines of any image."""

    @property
    def samples(self) -> int:
        """Number of baselines of each image."""
        ...

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of an image's baselines, in its shape and float32.

        Raises:
            ValueError: This baseline does not exist for the image's shape.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BaselineSampler:
    """The baselines of every image of a run.

    Attributes:
        kind: Name of a baseline, "#rrggbb", or where `given` comes from.
        samples: Number of baselines of each image.
        seed: Seed of random baselines.
        given: Float32, shape of the input, the baseline of all images; None to make it from `kind`.
        input_range: Values of black and white in the network's inputs.
    """

    kind: str
    samples: int = 1
    seed: int = 0
    given: Array | None = None
    input_range: tuple[float, float] = PIXELS

    @classmethod
    def from_options(
        cls, options: BaselineOptions, *, seed: int, given: Array | None = None
    ) -> "BaselineSampler":
        """Return the baselines of a configuration; `given` is the image if it names a file."""
        samples = options.samples if options.kind == "noise" else 1
        return cls(options.kind, samples, seed, given)

    @property
    def is_range_relative(self) -> bool:
        """Whether its values lie between black and white, unless it is black itself."""
        if self.given is not None or self.kind == "black":
            return False
        return baselines.is_colour(self.kind) or baselines.load(self.kind).RANGE_RELATIVE

    @property
    def is_fixed(self) -> bool:
        """Whether all images have the same baseline."""
        is_named = self.given is None and not baselines.is_colour(self.kind)
        return not (is_named and baselines.load(self.kind).PER_IMAGE)

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of an image's baselines, in its shape and float32.

        Raises:
            ValueError: This baseline does not exist for the image's shape.
        """
        if self.given is not None:
            return self.given
        if self.is_fixed:
            return _fixed(self.kind, image.shape, self.input_range)
        random = generator(self.seed, image, f"baseline {sample}")
        module = baselines.load(self.kind)
        pixels = module.baseline(image, random)
        return _in_range(pixels, self.input_range) if module.RANGE_RELATIVE else pixels


@functools.lru_cache(maxsize=4)
def _fixed(kind: str, shape: tuple[int, ...], input_range: tuple[float, float]) -> Array:
    """Return a baseline that depends on these arguments alone; the array is shared, read-only."""
    if baselines.is_colour(kind):
        pixels = _filled(shape, kind)
    else:
        # The generator is not used: the baseline is the same for all images.
        unused = np.random.default_rng(0)
        pixels = baselines.load(kind).baseline(np.zeros(shape, np.float32), unused)
    baseline = _in_range(pixels, input_range)
    baseline.flags.writeable = False
    return baseline


def _in_range(pixels: Array, input_range: tuple[float, float]) -> Array:
    """Return values of 0...255 mapped to another range, float32."""
    if input_range == PIXELS:
        return pixels
    low, high = input_range
    return (low + (high - low) / PIXELS[1] * pixels.astype(np.float64)).astype(np.float32)


def _filled(shape: tuple[int, ...], colour: str) -> Array:
    channels = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    if shape[-1] not in (1, 3):
        raise ValueError(
            f"baseline: the colour {colour} needs RGB or grey images, got inputs of shape {shape}"
        )
    luma = (channels.astype(np.int64) @ LUMA + 0x8000) >> 16
    return np.broadcast_to(channels if shape[-1] == 3 else luma, shape).astype(np.float32)
