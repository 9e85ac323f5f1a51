"""Fonts for labels of other scripts, found on the machine. Importing this imports no NumPy."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH118, PTH123

import logging
import os
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator

from igcli.errors import UsageError
from igcli.render.text import Face, font, has, packaged

log = logging.getLogger(__name__)

FOLDERS = (
    "~/.local/share/fonts",
    "~/.fonts",
    "~/Library/Fonts",
    "/usr/local/share/fonts",
    "/usr/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
)
"""Where fonts lie on Linux and macOS, those of the user first."""

ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
MOST_BYTES = 1 << 27
MOST_FILES = 2000
MOST_FONTS = 8
SECONDS = 10
SHOWN = 3
"""Letters that are named where no font has them."""

SAMPLED = 16
"""Letters that fontconfig is asked about, each of another part of Unicode."""


def check_font(path: str) -> None:
    """Refuse what is no font.

    Raises:
        UsageError: It is missing, or none.
    """
    _given(path)


def face_for(path: str | None, labels: Iterable[str]) -> Face:
    """Return the fonts that pictures are drawn in.

    Args:
        path: A font that is given, or None.
        labels: All that may stand in pictures; what the packaged font lacks of them is looked for.

    Raises:
        UsageError: The font is none.
    """
    if path is not None:
        return Face((_given(path), packaged()))
    missing = {each for label in labels for each in unicodedata.normalize("NFC", label)}
    missing = {each for each in missing if _is_lacking(each)}
    found = tuple(_found(missing)) if missing else ()
    return Face((packaged(), *found)) if found else Face()


def _given(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES)
    except OSError as error:
        raise UsageError(f"panel.font: {path}: {error.strerror}") from None
    if not _is_font(data):
        raise UsageError(f"panel.font: {path} is no font: give a .ttf, .otf or .ttc file")
    return data


def _is_font(data: bytes) -> bool:
    """Tell whether a file is a font that draws letters in any size."""
    try:
        return font(data, 24).getlength("x") >= 0 and font(data, 14).getmetrics()[0] > 0
    except (OSError, ValueError):
        return False


def _is_lacking(character: str) -> bool:
    if not character.isprintable() or unicodedata.category(character) in ("Zs", "Co"):
        return False
    return not has(packaged(), character)


def _found(missing: set[str]) -> Iterator[bytes]:
    """Yield fonts of the machine until none lacks a letter, or no further one has any."""
    fonts = 0
    for path in _candidates(missing):
        data = _read(path)
        covered = {each for each in missing if has(data, each)} if data else set()
        if covered:
            missing -= covered
            fonts += 1
            log.info("letters that the packaged font lacks are drawn in %s", path)
            yield data
        if not missing or fonts == MOST_FONTS:
            return
    log.warning(
        "no font here has some letters of the labels (%s), which are drawn as escapes: "
        "set panel.font",
        " ".join(each.encode("unicode_escape").decode() for each in sorted(missing)[:SHOWN]),
    )


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES)
    except OSError:
        return b""
    return data if _is_font(data) else b""


def _candidates(missing: set[str]) -> Iterator[str]:
    """Yield paths of fonts: what fontconfig names for letters, else all in the usual folders."""
    seen: set[str] = set()
    asked: set[int] = set()
    while len(asked) < SAMPLED:
        left = sorted(each for each in missing if ord(each) >> 7 not in asked)
        if not left:
            return
        asked.add(ord(left[0]) >> 7)
        path = _by_fontconfig(left[0])
        if path is None:
            break
        if path not in seen:
            seen.add(path)
            yield path
    else:
        return
    for path in _in_folders():
        if path not in seen:
            yield path


def _by_fontconfig(character: str) -> str | None:
    """Return the font that fontconfig prefers for a character, None where it cannot be asked."""
    command = ["fc-match", "--format=%{file}", f"sans:charset={ord(character):x}"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(done.stdout)


def _in_folders() -> Iterator[str]:
    left = MOST_FILES
    for folder in FOLDERS:
        for here, folders, files in os.walk(os.path.expanduser(folder)):  # noqa: PTH111
            folders.sort()
            for name in sorted(files):
                if name.lower().endswith(ENDINGS):
                    left -= 1
                    if left < 0:
                        return
                    yield os.path.join(here, name)
