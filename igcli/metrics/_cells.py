"""Means of a metric as texts: the same in the table of a terminal and on a page."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

MARK, NONE = "*", "-"
"""Follows the mean of a method that does not beat a control; stands for a mean without values."""

_DIGITS = 4
"""Significant digits of the largest number of a metric; the others have as many decimals."""

_PLAIN = (1e-3, 1e5)
"""Range of the largest number of a metric that is not written with an exponent."""


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a metric over images.

    Attributes:
        value: The mean; None where no image has a value.
        interval: Its 95% interval; None with fewer than two values.
    """

    value: float | None
    interval: tuple[float, float] | None = None

    @property
    def numbers(self) -> Iterator[float]:
        """The numbers that are written."""
        if self.value is not None:
            yield from (self.value, *(self.interval or ()))


def write_means(means: Mapping[str, Mean], unbeaten: Collection[str]) -> dict[str, str]:
    """Return the means of one metric as texts with the same number of decimals.

    Args:
        means: By method.
        unbeaten: Methods that do not beat a control.
    """
    write = _format([abs(number) for mean in means.values() for number in mean.numbers])
    return {
        method: _written(mean, write) + (MARK if method in unbeaten else "")
        for method, mean in means.items()
    }


def _written(mean: Mean, write: Callable[[float], str]) -> str:
    if mean.value is None:
        return NONE
    ends = f" [{', '.join(map(write, mean.interval))}]" if mean.interval else ""
    return f"{write(mean.value)}{ends}"


def _format(magnitudes: Collection[float]) -> Callable[[float], str]:
    largest = max(magnitudes, default=0.0)
    if not largest:
        return "{:z.3f}".format
    if not _PLAIN[0] <= largest < _PLAIN[1]:
        return f"{{:.{_DIGITS - 1}e}}".format
    return f"{{:z.{max(0, _DIGITS - 1 - math.floor(math.log10(largest)))}f}}".format
