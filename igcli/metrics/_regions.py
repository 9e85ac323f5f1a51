"""The score as regions of an image are replaced one after another."""

import numpy as np
import numpy.typing as npt

from igcli.integration.randomness import generator
from igcli.integration.requests import Computation, concurrently, predict_target
from igcli.metrics._options import AopcOptions
from igcli.metrics._protocol import Curve, Subject
from igcli.metrics._shared import ReplacedPixels, ranked, replacement_for
from igcli.records import Array


def region_curve(
    subject: Subject, options: AopcOptions, *, smallest_first: bool = False
) -> Computation[Curve]:
    """Return the target's score against the share of replaced pixels, from no region on.

    Args:
        subject: The sums of its attributions in each region order the regions.
        options: Which regions, and what replaces them.
        smallest_first: Whether the least attributed region is replaced first, not the most.
    """
    ranks = region_ranks(subject.attributions, options.region_size, smallest_first=smallest_first)
    regions = np.arange(min(options.regions, int(ranks.max()) + 1) + 1)
    order = np.argsort(ranks, axis=None)
    counts = np.searchsorted(ranks.reshape(-1)[order], regions)
    variants = [
        ReplacedPixels(subject.image, replacement, order, counts)
        for replacement in _replacements(subject, options)
    ]
    answers = yield from concurrently([predict_target(each, subject.target) for each in variants])
    scores = np.stack(answers)
    return Curve(counts / order.size, scores.mean(0, dtype=np.float64))


def region_ranks(
    attributions: Array, size: int, *, smallest_first: bool = False
) -> npt.NDArray[np.int64]:
    """Return the rank (H, W) of the region of each pixel, ties by position.

    Regions are squares beside each other from the top left corner on; those at the right and lower
    border may be narrower.

    Args:
        attributions: Float32 (H, W, C); their sum over a region counts.
        size: Side of a region, in pixels.
        smallest_first: Whether rank 0 is the region with the smallest sum, not the largest.
    """
    height, width, channels = attributions.shape
    rows, columns = np.arange(height) // size, np.arange(width) // size
    regions = rows[:, None] * (int(columns[-1]) + 1) + columns
    sums = np.bincount(np.repeat(regions, channels), attributions.reshape(-1)).astype(np.float64)
    ranks: npt.NDArray[np.int64] = ranked(sums, smallest_first=smallest_first)[regions]
    return ranks


def _replacements(subject: Subject, options: AopcOptions) -> list[Array]:
    if options.fill != "random":
        return [replacement_for(subject, options.fill)]
    random = generator(subject.seed, subject.image, "aopc")
    shape = subject.image.shape
    return [255 * random.random(shape, np.float32) for _ in range(options.repeats)]
