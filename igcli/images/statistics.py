"""What a walk has seen and left out."""

import logging
from collections import Counter

logger = logging.getLogger(__name__)

SPECIAL, ELSEWHERE, HIDDEN = "special files", "names that lead elsewhere", "hidden files"
NO_ENDING, OTHERS = "no ending", "other endings"
WARNED = {
    SPECIAL: "not a regular file",
    ELSEWHERE: "its name leads out of its folder",
    "unreadable folders": "the folder cannot be read",
    "listed folders": "listed folders are not walked; name them as arguments",
    "files in the output folder": "it lies in the output folder",
    "patterns without a match": "nothing matches the pattern",
}
"""Why things are left out that a user would want to know of; the rest is only counted."""

NOTHING_LOST = frozenset({"repetitions", "output folder", "patterns without a match"})
"""Of what is skipped, that of which no image can be missing from the run."""

MOST_KINDS = 1000


class WalkStatistics:
    """Counts of one walk over the images.

    Attributes:
        taken: Number of images.
        extensions: Number of files left out for their extension, by extension in lower case.
        skipped: Number of other things left out: the keys of `WARNED`, "hidden files", "hidden
            folders", "linked folders", "output folder" and "repetitions".
    """

    def __init__(self, *, level: int = logging.WARNING) -> None:
        """Start counting; warnings are logged at `level`."""
        self.taken = 0
        self.extensions: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._level = level

    @property
    def unreadable(self) -> int:
        """Number of folders that could not be read: images may be missing from the run."""
        return self.skipped["unreadable folders"]

    @property
    def left_out(self) -> dict[str, int]:
        """How many of what kind were left out that may have been images: {".docx": 1}."""
        skipped = {kind: count for kind, count in self.skipped.items() if kind not in NOTHING_LOST}
        return {**self.extensions, **skipped}

    def other(self, extension: str) -> None:
        """Count a file left out for its extension; past `MOST_KINDS` new ones go unnamed."""
        known = extension in self.extensions or len(self.extensions) < MOST_KINDS
        self.extensions[(extension or NO_ENDING) if known else OTHERS] += 1

    def skip(self, kind: str, path: str) -> None:
        """Count `path` as left out, with a warning where a user would want to know."""
        self.skipped[kind] += 1
        if kind in WARNED:
            logger.log(self._level, "skipped %r: %s", path, WARNED[kind])

    def __str__(self) -> str:
        """Tell what was left out: "12 other files (.txt 10, .md 2), hidden folders 1"."""
        parts = [f"{kind} {count:,}" for kind, count in sorted(self.skipped.items())]
        if total := self.extensions.total():
            most = sorted(self.extensions.items(), key=lambda item: (-item[1], item[0]))[:3]
            kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in most)
            parts.insert(0, f"{total:,} other file{'s' * (total > 1)} ({kinds})")
        return ", ".join(parts)
