"""Attributions of regions, which are joined from segments of the image, the densest ones first.

Source: Kapishnikov, Bolukbasi, Viégas and Terry 2019 (arXiv 1906.02825), algorithm 1, with the
choices of the authors' implementation in PAIR's package saliency: the baselines are the smallest
and the largest value of the image, which are black and white for most photographs; a pixel's
attribution is the largest of its channels; and fewer than 50 new pixels are no region.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from igcli import methods
from igcli.integration.options import PathOptions
from igcli.integration.requests import Computation, concurrently
from igcli.methods import Task, own_options
from igcli.methods._options import XraiOptions
from igcli.methods._segments import Pixels, Segments, segments_of
from igcli.methods._shared import check_image, evenly_over_channels
from igcli.records import Explanation

HEADING = "XRAI"
USES_BASELINE = False
INTERIOR = False
REFINABLE = True
PACKAGE = "skimage"

MIN_NEW_PIXELS = 50

Double = npt.NDArray[np.float64]


def attribute(task: Task, options: PathOptions) -> Computation[Explanation]:
    """Return the mean attribution of the region that each pixel is in.

    Raises:
        ValueError: The input is not an image (H, W, C).
    """
    check_image(task, "xrai")
    own = own_options(options, XraiOptions)
    method = methods.load(own.around)
    ends = (task.image.min(), task.image.max()) if method.USES_BASELINE else (0,)
    starts = [np.full_like(task.image, value) for value in ends]
    tasks = [replace(task, baseline=start, interior=False, gathered=False) for start in starts]
    parts = yield from concurrently([method.attribute(each, options) for each in tasks])
    mean = np.mean([part.attributions for part in parts], axis=0, dtype=np.float64)
    values = mean.max(-1)
    segments = Segments(segments_of(task.image), values.ravel())
    regions = _by_density if own.algorithm == "full" else _by_first_density
    result = np.empty(values.size)
    for pixels in (*regions(segments), segments.rest()):
        if len(pixels):
            result[pixels] = values.ravel()[pixels].mean()
    return Explanation(
        method="xrai",
        target=task.target,
        baseline=parts[0].baseline,
        attributions=evenly_over_channels(result.reshape(values.shape), task.image.shape[2]),
        score=task.score,
        baseline_score=sum(part.baseline_score for part in parts) / len(parts),
        alphas=np.ones(1),
        scores=np.array([task.score], np.float32),
        evaluations=sum(part.evaluations for part in parts),
        complete=False,
        warnings=tuple(dict.fromkeys(warning for part in parts for warning in part.warnings)),
    )


def _by_density(segments: Segments) -> Iterator[Pixels]:
    """Yield new pixels of the segment whose new pixels have the largest mean, again and again."""
    is_candidate = np.ones(len(segments.counts), np.bool_)
    while True:
        is_candidate &= segments.counts >= MIN_NEW_PIXELS
        candidates = np.flatnonzero(is_candidate)
        if not len(candidates):
            return
        means = segments.sums[candidates] / segments.counts[candidates]
        densest = int(candidates[means.argmax()])
        is_candidate[densest] = False
        pixels = segments.left_of(densest)
        segments.take(pixels)
        yield pixels


def _by_first_density(segments: Segments) -> Iterator[Pixels]:
    """Yield new pixels of each segment, in the order of the means of all their pixels."""
    for segment in np.argsort(-segments.sums / segments.counts, kind="stable"):
        pixels = segments.left_of(int(segment))
        if len(pixels) >= MIN_NEW_PIXELS:
            segments.take(pixels)
            yield pixels
