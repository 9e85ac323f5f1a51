"""Fonts for labels in other scripts, found on the machine. Importing this does not import NumPy."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH118, PTH123

import logging
import os
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator

from igcli.errors import UsageError
from igcli.options import setting
from igcli.render.text import Face, font, has_glyph, packaged

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
"""The usual font folders of Linux and macOS, the user's first."""

ENDINGS = (".ttf", ".otf", ".ttc", ".otc")
MAX_BYTES = 1 << 27
MAX_FILES = 2000
MAX_FONTS = 8
FONTCONFIG_SECONDS = 10

MAX_SHOWN = 3
"""Maximum number of characters named in a warning."""

MAX_QUERIES = 16
"""Maximum number of characters to query fontconfig for, each from another block of Unicode."""


def check_font(path: str) -> None:
    """Refuse a file that is not a font.

    Raises:
        UsageError: The file is missing, or is not a font.
    """
    _read_given(path)


def face_for(path: str | None, labels: Iterable[str]) -> Face:
    """Return the fonts that pictures are drawn in.

    Args:
        path: The font that the user gave, or None.
        labels: All texts that pictures may show. Characters that the packaged font lacks are
            looked up in the fonts of the machine.

    Raises:
        UsageError: The given file is not a font.
    """
    if path is not None:
        return Face((_read_given(path), packaged()))
    characters = {char for label in labels for char in unicodedata.normalize("NFC", label)}
    missing = {char for char in characters if _is_missing(char)}
    fallbacks = tuple(_fallbacks(missing)) if missing else ()
    return Face((packaged(), *fallbacks)) if fallbacks else Face()


def _read_given(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES)
    except OSError as error:
        raise UsageError(f"panel.font: {path}: {error.strerror}") from None
    if not _is_font(data):
        raise UsageError(f"panel.font: {path} is not a font; give a .ttf, .otf or .ttc file")
    return data


def _is_font(data: bytes) -> bool:
    """Tell whether a file is a scalable font."""
    try:
        return font(data, 24).getlength("x") >= 0 and font(data, 14).getmetrics()[0] > 0
    except (OSError, ValueError):
        return False


def _is_missing(character: str) -> bool:
    """Tell whether the packaged font lacks a character that has to be drawn."""
    if not character.isprintable() or unicodedata.category(character) in ("Zs", "Co"):
        return False
    return not has_glyph(packaged(), character)


def _fallbacks(missing: set[str]) -> Iterator[bytes]:
    """Yield fonts of the machine until no character is missing, or no font has any of them."""
    count = 0
    for path in _candidates(missing):
        data = _read(path)
        covered = {char for char in missing if has_glyph(data, char)} if data else set()
        if covered:
            missing -= covered
            count += 1
            log.info("characters that the packaged font lacks are drawn in %s", path)
            yield data
        if not missing or count == MAX_FONTS:
            return
    log.warning(
        "no font on this machine has some characters of the labels (%s); they are drawn as "
        "escapes: set %s",
        " ".join(char.encode("unicode_escape").decode() for char in sorted(missing)[:MAX_SHOWN]),
        setting("panel.font"),
    )


def _read(path: str) -> bytes:
    """Return the content of a font file; empty if it is not a font or cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES)
    except OSError:
        return b""
    return data if _is_font(data) else b""


def _candidates(missing: set[str]) -> Iterator[str]:
    """Yield paths of fonts: those that fontconfig names, or all fonts in the usual folders."""
    yielded: set[str] = set()
    queried: set[int] = set()
    while len(queried) < MAX_QUERIES:
        remaining = sorted(char for char in missing if ord(char) >> 7 not in queried)
        if not remaining:
            return
        queried.add(ord(remaining[0]) >> 7)
        path = _by_fontconfig(remaining[0])
        if path is None:
            break
        if path not in yielded:
            yielded.add(path)
            yield path
    else:
        return
    for path in _in_folders():
        if path not in yielded:
            yield path


def _by_fontconfig(character: str) -> str | None:
    """Return the font that fontconfig prefers for a character; None without fontconfig."""
    command = ["fc-match", "--format=%{file}", f"sans:charset={ord(character):x}"]
    try:
        result = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=FONTCONFIG_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(result.stdout)


def _in_folders() -> Iterator[str]:
    remaining = MAX_FILES
    for folder in FOLDERS:
        for parent, subfolders, files in os.walk(os.path.expanduser(folder)):  # noqa: PTH111
            subfolders.sort()
            for name in sorted(files):
                if name.lower().endswith(ENDINGS):
                    remaining -= 1
                    if remaining < 0:
                        return
                    yield os.path.join(parent, name)
