"""The precision of a run, chosen by its first image."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Literal

import numpy as np

from igcli.errors import ImageError
from igcli.pipeline.calibration.timing import seconds_for
from igcli.pipeline.engine.engine import Engine
from igcli.pipeline.explain.explain import explain
from igcli.pipeline.image.context import Context
from igcli.pipeline.image.job import read_sample
from igcli.records import Array, Source

log = logging.getLogger(__name__)

LEAST_CORRELATION = 0.99
LEAST_GAIN = 1.05
_TURNS = 2

Exact = Literal["float32", "bfloat16"]


def with_precision(sources: Iterable[Source], context: Context, engine: Engine) -> Iterator[Source]:
    """Choose the network's precision by the first image that can be read; yield all sources.

    bfloat16 is taken where it is faster and its attributions agree with those of float32: their
    channel means correlate by 0.99 or more over the pixels (Pearson).

    Args:
        sources: The images.
        context: What they share.
        engine: Runs the network.
    """
    remaining = iter(sources)
    seen = []
    for source in remaining:
        seen.append(source)
        try:
            image = read_sample(source, context).image.astype(np.float32)
            network = context.model.network
            if network.has_bfloat16:
                network.precision = _chosen(image, context, engine)
            break
        except ImageError:
            continue  # It will be a failed record.
    yield from chain(seen, remaining)


def _chosen(image: Array, context: Context, engine: Engine) -> Exact:
    network = context.model.network
    maps, seconds = {}, {"float32": np.inf, "bfloat16": np.inf}
    precisions: tuple[Exact, Exact] = ("float32", "bfloat16")
    for precision in precisions:
        network.precision = precision
        [[found, *_]] = engine.run([explain(image, context.spec)])
        maps[precision] = found.attributions.mean(-1, dtype=np.float64)
    for _ in range(_TURNS):  # In turns: what else the machine does meets both.
        for precision in precisions:
            network.precision = precision
            seconds[precision] = min(seconds[precision], seconds_for(1, 1, engine))
    gain = seconds["float32"] / seconds["bfloat16"]
    agreement = correlation(maps["float32"], maps["bfloat16"])
    taken = gain >= LEAST_GAIN and agreement >= LEAST_CORRELATION
    chosen: Exact = "bfloat16" if taken else "float32"
    log.info(
        "precision: %s (bfloat16 is %.2f times as fast, correlation %.4f)", chosen, gain, agreement
    )
    return chosen


def correlation(one: Array, other: Array) -> float:
    """Return Pearson's correlation of two arrays of a shape, 0 where one of them is flat."""
    a, b = one - one.mean(dtype=np.float64), other - other.mean(dtype=np.float64)
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale else 0.0
