"""`precision: auto`: float32 or bfloat16, chosen by the first image of a run."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np

from igcli.errors import ImageError
from igcli.pipeline.calibration.batch_size import Work, seconds_for
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.image.context import Context
from igcli.pipeline.read import read_fitted
from igcli.pipeline.resume.earlier import PRECISIONS, Precision
from igcli.records import Array, Source

log = logging.getLogger(__name__)

MIN_CORRELATION = 0.99
"""Agreement with float32 that bfloat16 must reach."""

MIN_GAIN = 1.05
"""How much faster bfloat16 must be."""

ROUNDS = 2


def with_precision(sources: Iterable[Source], context: Context, engine: Engine) -> Iterator[Source]:
    """Set the network's precision by the first readable image; yield all sources.

    bfloat16 is chosen if it is faster and its attributions agree with those of float32: their
    channel means correlate by 0.99 or more over the pixels (Pearson).

    Args:
        sources: The images.
        context: What the images share.
        engine: Runs the network.
    """
    remaining = iter(sources)
    taken = []
    for source in remaining:
        taken.append(source)
        try:
            pixels = read_fitted(source, context.model, context.settings).astype(np.float32)
            network = context.model.network
            if network.has_bfloat16:
                network.precision = _chosen(pixels, context, engine)
            break
        except ImageError:
            continue  # The run itself records the failure.
    yield from chain(taken, remaining)


def _chosen(pixels: Array, context: Context, engine: Engine) -> Precision:
    network = context.model.network
    maps, seconds = {}, {"float32": np.inf, "bfloat16": np.inf}
    for precision in PRECISIONS:
        network.precision = precision
        [[main, *_]] = engine.run([explain(pixels, context.spec)])
        maps[precision] = main.attributions.mean(-1, dtype=np.float64)
    for _ in range(ROUNDS):  # In turns, so that other load on the machine affects both.
        for precision in PRECISIONS:
            network.precision = precision
            seconds[precision] = min(seconds[precision], seconds_for(Work(gradients=1), engine))
    gain = seconds["float32"] / seconds["bfloat16"]
    agreement = correlation(maps["float32"], maps["bfloat16"])
    is_better = gain >= MIN_GAIN and agreement >= MIN_CORRELATION
    chosen: Precision = "bfloat16" if is_better else "float32"
    log.info(
        "precision: %s (bfloat16 is %.2f times as fast, correlation %.4f)", chosen, gain, agreement
    )
    return chosen


def correlation(one: Array, other: Array) -> float:
    """Return Pearson's correlation of two arrays of equal shape; 0 if one of them is constant."""
    a, b = one - one.mean(dtype=np.float64), other - other.mean(dtype=np.float64)
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0
