"""The files of an output that a server shows: those that igcli writes, and members of archives."""

import io
import os
from typing import IO, Self
from urllib.parse import unquote_to_bytes

from igcli.errors import ImageError, OutputError
from igcli.gallery.on_demand import OnDemandFiles
from igcli.outputs import journal, run_files
from igcli.outputs.cleanup import GALLERY_FOLDERS, RESULT_FOLDERS
from igcli.outputs.folder import is_temporary
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import Results

FOLDERS = frozenset(RESULT_FOLDERS)
FILES = frozenset({journal.NAME, run_files.SUMMARY, run_files.CONFIG})

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".tar": "application/x-tar",
}
"""Content types by suffix."""

OTHER_TYPE = "application/octet-stream"


class ServedOutput:
    """An output as a server shows it; safe for several threads.

    Whatever is asked for, nothing outside the output is opened: names lead downwards, links are
    not followed, and in the output only the kinds of files are shown that runs and pages consist
    of, complete ones.
    """

    def __init__(self, results: Results) -> None:
        """Show the output of a run.

        Args:
            results: The run, for its page.
        """
        self._files = ResultFiles(results.folder)
        self._beside = OnDemandFiles(results, self._files)
        self._page = self._beside.page()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the archives."""
        self._files.__exit__()

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file by its name in the output; None if there is none to be shown."""
        if name == run_files.PAGE:
            return io.BytesIO(self._page)
        folder, _, rest = name.partition("/")
        if is_temporary(name.rpartition("/")[2]):
            return None
        try:
            if rest and folder in GALLERY_FOLDERS:
                return io.BytesIO(self._beside.read(name))
            return self._files.open(name) if (rest and folder in FOLDERS) or name in FILES else None
        except (ImageError, OutputError):
            return None


def name_of(target: str) -> str | None:
    """Return the name in an output that a request is for, given its target: "/panels/a%20b.jpg".

    It is None for a target that is no path, or a path that does not lead downwards.
    """
    path = target.partition("?")[0]
    if not path.startswith("/"):
        return None
    name = os.fsdecode(unquote_to_bytes(path[1:])) or run_files.PAGE
    is_downwards = all(part not in ("", ".", "..") for part in name.split("/"))
    return name if is_downwards and "\0" not in name else None


def content_type(name: str) -> str:
    """Return the content type of a file by its name."""
    return TYPES.get(os.path.splitext(name)[1].lower(), OTHER_TYPE)
