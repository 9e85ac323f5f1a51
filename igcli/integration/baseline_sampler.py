"""Where the paths of a run start: the baseline of each image, or several."""

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
"""Shares of red, green and blue in grey, of 65,536. Source: ITU-R BT.601, as Pillow rounds it."""


class Baselines(Protocol):
    """Gives an image its baselines."""

    @property
    def samples(self) -> int:
        """Number of baselines of an image."""
        ...

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of the baselines of an image, in its shape and float32.

        Raises:
            ValueError: The image has no such baseline, for its shape.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class BaselineSampler:
    """The baselines of every image of a run.

    Attributes:
        kind: Name of a baseline, "#rrggbb", or what `given` comes from.
        samples: Number of baselines of an image.
        seed: Of what is drawn.
        given: Float32, shape of the input, a baseline for all images; None to make them by name.
        input_range: What black and white are to the network.
    """

    kind: str
    samples: int = 1
    seed: int = 0
    given: Array | None = None
    input_range: tuple[float, float] = PIXELS

    @property
    def is_placed(self) -> bool:
        """Whether its values are places between black and white, other than black itself."""
        if self.given is not None or self.kind == "black":
            return False
        return baselines.is_colour(self.kind) or baselines.load(self.kind).PLACED

    @property
    def is_fixed(self) -> bool:
        """Whether all images have the same baseline."""
        named = self.given is None and not baselines.is_colour(self.kind)
        return not (named and baselines.load(self.kind).PER_IMAGE)

    def of(self, image: Array, sample: int = 0) -> Array:
        """Return one of the baselines of an image, in its shape and float32.

        Raises:
            ValueError: The image has no such baseline, for its shape.
        """
        if self.given is not None:
            return self.given
        if self.is_fixed:
            return _fixed(self.kind, image.shape, self.input_range)
        draw = generator(self.seed, image, f"baseline {sample}")
        made = baselines.load(self.kind)
        found = made.baseline(image, draw)
        return _placed(found, self.input_range) if made.PLACED else found


def starts(options: BaselineOptions, *, seed: int, given: Array | None = None) -> BaselineSampler:
    """Return the baselines that options ask for; `given` is the image, where they name a file."""
    drawn = options.kind == "noise"
    return BaselineSampler(options.kind, options.samples if drawn else 1, seed, given)


@functools.lru_cache(maxsize=4)
def _fixed(kind: str, shape: tuple[int, ...], input_range: tuple[float, float]) -> Array:
    """Return a baseline that depends on nothing else: always the same array, not to be changed."""
    if baselines.is_colour(kind):
        found = _filled(shape, kind)
    else:
        # None is drawn from, where the baseline is the same for all.
        found = baselines.load(kind).baseline(np.zeros(shape, np.float32), np.random.default_rng(0))
    found = _placed(found, input_range)
    found.flags.writeable = False
    return found


def _placed(pixels: Array, input_range: tuple[float, float]) -> Array:
    """Return values of 0...255 at their places in another range."""
    if input_range == PIXELS:
        return pixels
    low, high = input_range
    return (low + (high - low) / PIXELS[1] * pixels.astype(np.float64)).astype(np.float32)


def _filled(shape: tuple[int, ...], colour: str) -> Array:
    channels = np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)
    if shape[-1] not in (1, 3):
        raise ValueError(f"baseline: the colour {colour} needs RGB or grey images, not {shape}")
    luma = (channels.astype(np.int64) @ LUMA + 0x8000) >> 16
    return np.broadcast_to(channels if shape[-1] == 3 else luma, shape).astype(np.float32)
