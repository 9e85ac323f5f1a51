"""The extensions of image files, and counts of what a walk takes and leaves out.

Imports no NumPy.
"""

import logging
from collections import Counter

logger = logging.getLogger(__name__)

# fmt: off
EXTENSIONS = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".jpg_large", ".png", ".webp", ".bmp", ".gif",
    ".tif", ".tiff", ".avif", ".heic", ".heif", ".jp2", ".j2k",
))
# fmt: on
"""Extensions of image files in lower case; the content of a file decides its format."""

SPECIAL, ELSEWHERE, HIDDEN = "special files", "names that lead elsewhere", "hidden files"
NO_ENDING, OTHERS = "no ending", "other endings"
WARNED = {
    SPECIAL: "not a regular file",
    ELSEWHERE: "its name points outside its folder",
    "unreadable folders": "the folder cannot be read",
    "listed folders": "a list names files, not folders; pass the folder as an argument",
    "files in the output folder": "it is in the output folder",
    "patterns without a match": "nothing matches the pattern",
}
"""Reasons for leaving something out that are logged as warnings; anything else is only counted."""

NOTHING_LOST = frozenset({"repetitions", "output folder", "patterns without a match"})
"""Skipped things that cannot cost the run an image."""

MAX_EXTENSIONS = 1000


class WalkStatistics:
    """The counts of one walk over the images.

    Attributes:
        taken: Number of images.
        extensions: Number of files without an image's extension, by extension in lower case.
        skipped: Number of other things left out, by kind: the keys of `WARNED`, "hidden files",
            "hidden folders", "linked folders", "output folder" and "repetitions".
    """

    def __init__(self, *, level: int = logging.WARNING) -> None:
        """Start counting; warnings are logged at `level`."""
        self.taken = 0
        self.extensions: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self._level = level

    @property
    def unreadable(self) -> int:
        """Number of unreadable folders, whose images are missing from the run."""
        return self.skipped["unreadable folders"]

    @property
    def left_out(self) -> dict[str, int]:
        """Number of things left out that may have been images, by kind: {".docx": 1}."""
        skipped = {kind: count for kind, count in self.skipped.items() if kind not in NOTHING_LOST}
        return {**self.extensions, **skipped}

    def other(self, extension: str) -> None:
        """Count a file without an image's extension; beyond `MAX_EXTENSIONS`, as other endings."""
        kind = extension or NO_ENDING
        is_known = kind in self.extensions or len(self.extensions) < MAX_EXTENSIONS
        self.extensions[kind if is_known else OTHERS] += 1

    def skip(self, kind: str, path: str) -> None:
        """Count `path` as left out and, if its kind is in `WARNED`, log why."""
        self.skipped[kind] += 1
        if kind in WARNED:
            logger.log(self._level, "skipped %r: %s", path, WARNED[kind])

    def __str__(self) -> str:
        """Return what was left out: "12 other files (.txt 10, .md 2), hidden folders 1"."""
        parts = [f"{kind} {count:,}" for kind, count in sorted(self.skipped.items())]
        if total := self.extensions.total():
            most_frequent = sorted(self.extensions.items(), key=lambda item: (-item[1], item[0]))[
                :3
            ]
            kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in most_frequent)
            parts.insert(0, f"{total:,} other file{'s' * (total > 1)} ({kinds})")
        return ", ".join(parts)
