"""Progress where no bar is shown: a line now and then, for whoever wants detail."""

import logging
import time
from collections.abc import Callable

from igcli.cli.terminal import say

PARTS = 10
SECONDS = 30.0


class Lines:
    """Says how far a run is at each tenth of it, and after 30 seconds without a line."""

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin at no image.

        Args:
            total: Number of images; None if it is unknown.
            clock: Returns the time in seconds.
        """
        self._total = total
        self._clock = clock
        self._begun = self._last = clock()
        self._done = 0

    def tick(self) -> None:
        """Count an image as finished."""
        self._done += 1
        now = self._clock()
        if now - self._last < SECONDS and not self._is_at_a_tenth():
            return
        self._last = now
        of = f" of {self._total:,}" if self._total else ""
        say(f"{self._done:,}{of} images, {now - self._begun:,.0f} s", logging.INFO)

    def _is_at_a_tenth(self) -> bool:
        if not self._total:
            return False
        return self._done * PARTS // self._total > (self._done - 1) * PARTS // self._total
