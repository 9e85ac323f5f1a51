"""What a walk has seen and left out."""

import logging
from collections import Counter

logger = logging.getLogger(__name__)

WARNINGS = {
    "special": "is not a regular file",
    "unreadable": "the folder cannot be read",
    "listed folder": "listed folders are not walked, name them as arguments",
    "own": "lies in the output folder",
    "unmatched": "no file matches the pattern",
}


class Tally:
    """Counts of one walk over the images.

    Attributes:
        taken: Number of images.
        extensions: Number of files left out for their extension, by extension in lower case.
        skipped: Number of other things left out: "hidden", "link" (to a folder), "output",
            "repeated" and, with a warning each, those of `WARNINGS`. Images behind an
            "unreadable" folder are missing from the run.
    """

    def __init__(self, *, level: int = logging.WARNING) -> None:
        self.taken = 0
        self.extensions: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._level = level

    def skip(self, kind: str, path: str) -> None:
        """Count `path` as left out, with a warning where a user would want to know."""
        self.skipped[kind] += 1
        if kind in WARNINGS:
            logger.log(self._level, "%r skipped: %s", path, WARNINGS[kind])

    def __str__(self) -> str:
        """What was left out, for a message: "12 of other kinds (10 .txt, 2 .md), 1 hidden"."""
        parts = [f"{count:,} {kind}" for kind, count in sorted(self.skipped.items())]
        if total := self.extensions.total():
            most = [f"{n:,} {suffix or 'without'}" for suffix, n in self.extensions.most_common(3)]
            parts.insert(0, f"{total:,} of other kinds ({', '.join(most)})")
        return ", ".join(parts)
