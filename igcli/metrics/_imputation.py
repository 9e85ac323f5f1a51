"""Removed pixels that are imputed from their neighbours, and what the network says of such images.

Source: Rong, Leemann, Borisov, Kasneci and Kasneci 2022 (arXiv 2202.00449), noisy linear
imputation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array
from scipy.sparse.linalg import splu

from igcli.integration.randomness import seeds
from igcli.integration.requests import Computation, predict_all
from igcli.metrics._options import RoadOptions
from igcli.metrics._protocol import Curve, Measurement, Subject
from igcli.metrics._shared import channel_sums, ranked
from igcli.records import Array

SHARES = tuple(tenth / 10 for tenth in range(1, 10))
"""Shares of the pixels that are removed."""

ONE_SCORE = "undefined: a network with a single score has no accuracy; see measure: score"

NEIGHBOURS = tuple(
    (row, column, 1 / 12 if row and column else 1 / 6)
    for row in (-1, 0, 1)
    for column in (-1, 0, 1)
    if row or column
)
"""Offsets of a pixel's neighbours, and their weights in its mean."""


def removal_curve(
    subject: Subject, own: RoadOptions, *, smallest_first: bool
) -> Computation[Measurement]:
    """Return the mean over the shares, and the curve from the image itself on.

    Args:
        subject: The sums of its attributions over the channels order the pixels.
        own: What is measured.
        smallest_first: Whether the least attributed pixels are removed first, not the most.
    """
    sums = channel_sums(subject.attributions)
    order = ranked(sums, smallest_first=smallest_first)
    counts = [int(share * order.size) for share in (0, *SHARES)]
    drawn = seeds(subject.seed, subject.image, "road", len(counts))
    images = ImputedPixels(subject.image, order, counts, 255 * own.noise, drawn)
    scores = yield from predict_all(images)
    if own.measure == "accuracy":
        if scores.shape[-1] == 1:
            return Measurement(None, warnings=(ONE_SCORE,))
        values = (scores.argmax(-1) == subject.target).astype(np.float64)
    else:
        values = scores[:, subject.target].astype(np.float64)
    return Measurement(float(values[1:].mean()), Curve(np.array([0, *SHARES]), values))


@dataclass(frozen=True, slots=True, eq=False)
class ImputedPixels:
    """Variants of an image in which the pixels of the first ranks are removed and imputed.

    Attributes:
        image: Float32 (H, W, C).
        ranks: Int64 (H, W), see `ranked`.
        counts: Number of pixels removed in each variant.
        noise: Standard deviation of the noise on imputed values.
        seeds: What the noise of each variant is drawn from.
    """

    image: Array
    ranks: npt.NDArray[np.int64]
    counts: Sequence[int]
    noise: float
    seeds: Sequence[np.random.SeedSequence]

    def __len__(self) -> int:
        """Return the number of variants."""
        return len(self.counts)

    def write(self, indices: range, out: Array) -> None:
        """Write variants, float32 (n, H, W, C)."""
        for index, variant in zip(indices, out, strict=True):
            self._write_one(index, variant)

    def _write_one(self, index: int, out: Array) -> None:
        np.copyto(out, self.image)
        removed = self.ranks < self.counts[index]
        if removed.any():
            random = np.random.default_rng(self.seeds[index])
            values = imputed(self.image, removed)
            out[removed] = values + self.noise * random.standard_normal(values.shape)


def imputed(image: Array, removed: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return removed pixels, each the weighted mean of its neighbours, removed ones included.

    Those beside it have a weight of 1/6, those across a corner 1/12, in proportion at borders.

    Args:
        image: Float32 (H, W, C).
        removed: Bool (H, W), not all true, at least one.

    Returns:
        Float64 (removed pixels, C).
    """
    count = np.count_nonzero(removed)
    # Within a frame: the number of each removed pixel, -1 of others, -2 in the frame.
    numbers = np.full((removed.shape[0] + 2, removed.shape[1] + 2), -2)
    numbers[1:-1, 1:-1] = -1
    rows, columns = np.nonzero(removed)
    numbers[rows + 1, columns + 1] = np.arange(count)
    sums, known = np.zeros(count), np.zeros((count, image.shape[-1]))
    entries: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], float]] = []
    for down, across, weight in NEIGHBOURS:
        neighbours = numbers[rows + 1 + down, columns + 1 + across]
        sums += weight * (neighbours != -2)
        is_known = neighbours == -1
        values = image[rows[is_known] + down, columns[is_known] + across]
        known[is_known] += weight * values.astype(np.float64)
        pixels = np.flatnonzero(neighbours >= 0)
        entries.append((pixels, neighbours[pixels], -weight))
    diagonal = np.arange(count)
    weights = [sums, *[np.full(len(pixels), weight) for pixels, _, weight in entries]]
    at = [diagonal, *[pixels for pixels, _, _ in entries]]
    of = [diagonal, *[others for _, others, _ in entries]]
    system = csc_array(
        (np.concatenate(weights), (np.concatenate(at), np.concatenate(of))), (count, count)
    )
    # The matrix is symmetric and positive definite, so that no pivots are needed.
    factors = splu(
        system, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0, options={"SymmetricMode": True}
    )
    solution: npt.NDArray[np.float64] = factors.solve(known)
    return solution
