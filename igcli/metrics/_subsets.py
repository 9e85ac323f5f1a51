"""Random subsets of an image's features, replaced, and correlations with what they are worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from igcli.metrics._options import Features
from igcli.records import Array

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RandomSubsets:
    """Variants of an image in which random features are replaced.

    Attributes:
        image: Float32 (H, W, C).
        replacement: Float32 (H, W, C), where the values of replaced features come from.
        features: Int64 (H, W, C), the feature that each value belongs to, 0...F-1.
        sizes: Number of features replaced in each variant.
        seeds: What each variant is drawn from.
    """

    image: Array
    replacement: Array
    features: npt.NDArray[np.int64]
    sizes: Sequence[int]
    seeds: Sequence[np.random.SeedSequence]

    def __len__(self) -> int:
        """Return the number of variants."""
        return len(self.sizes)

    def chosen(self, index: int) -> npt.NDArray[np.int64]:
        """Return the features that a variant replaces."""
        random = np.random.default_rng(self.seeds[index])
        count = int(self.features.max()) + 1
        return random.choice(count, self.sizes[index], replace=False, shuffle=False)

    def write(self, indices: range, out: Array) -> None:
        """Write variants, float32 (n, H, W, C)."""
        for index, variant in zip(indices, out, strict=True):
            self._write_one(index, variant)

    def _write_one(self, index: int, out: Array) -> None:
        is_chosen = np.zeros(int(self.features.max()) + 1, np.bool_)
        is_chosen[self.chosen(index)] = True
        np.copyto(out, self.image)
        np.copyto(out, self.replacement, where=is_chosen[self.features])

    def sums(self, attributions: Array) -> Vector:
        """Return the sum of the attributions of the features that each variant replaces.

        Args:
            attributions: Float32 (H, W, C).
        """
        worth = np.bincount(self.features.reshape(-1), attributions.reshape(-1))
        return np.array([worth[self.chosen(index)].sum() for index in range(len(self))])


def features_of(shape: tuple[int, int, int], kind: Features, grid: int) -> npt.NDArray[np.int64]:
    """Return the feature that each value of an image belongs to: int64 (H, W, C), from 0 on.

    Args:
        shape: Shape of the image, (H, W, C).
        kind: What makes a feature.
        grid: Number of cells along each side, at most one a pixel.
    """
    height, width, channels = shape
    if kind == "values":
        return np.arange(height * width * channels).reshape(shape)
    rows, columns = (min(grid, height), min(grid, width)) if kind == "cells" else (height, width)
    row, column = np.arange(height) * rows // height, np.arange(width) * columns // width
    return np.repeat((row[:, None] * columns + column)[..., None], channels, -1)


def correlation(first: Vector, second: Vector, kind: str) -> float | None:
    """Return the correlation of two vectors; None where one of them is constant.

    Args:
        first: Float64 (N,).
        second: Float64 (N,).
        kind: "pearson" or "spearman".
    """
    if is_constant(first) or is_constant(second):
        return None
    if kind == "spearman":
        first, second = stats.rankdata(first), stats.rankdata(second)
    first, second = first - first.mean(), second - second.mean()
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def is_constant(values: Vector) -> bool:
    """Tell whether values, which come from float32, differ by no more than its rounding."""
    return bool(np.ptp(values) <= np.finfo(np.float32).eps * np.abs(values).max())
