"""Calculations shared by the metrics that compare attributions with the mask of an object."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from igcli.metrics._protocol import Measurement, Subject
from igcli.metrics._shared import channel_sums

Sums = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

EMPTY_MASK = "undefined: the mask has no object, or it lies outside what the network sees"
FULL_MASK = "undefined: the mask covers all that the network sees"
NOTHING = "undefined: all attributions are 0"


def on_object(subject: Subject, measure: Callable[[Sums, Mask], Measurement]) -> Measurement:
    """Return what `measure` says of the channel sums and the mask, if both have a content.

    A full mask holds whatever is attributed, so it measures nothing. Why there is no mask is known
    to whoever looked for one.
    """
    mask, sums = subject.mask, channel_sums(subject.attributions)
    if mask is None:
        return Measurement(None)
    if not mask.any():
        return Measurement(None, warnings=(EMPTY_MASK,))
    if mask.all():
        return Measurement(None, warnings=(FULL_MASK,))
    if not sums.any():
        return Measurement(None, warnings=(NOTHING,))
    return measure(sums, mask)
