"""Scripts beside a page that carry data: what a page from a file can load, and nothing else.

Each is one call of a function of the page with a JSON value. JSON is also JavaScript, so a script
that is kept from an earlier page can be checked: it is data, whoever wrote it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from igcli.errors import ImageError, UsageError
from igcli.gallery.formatting import text
from igcli.gallery.html import url
from igcli.gallery.json_values import to_json
from igcli.outputs.folder import OutputFolder
from igcli.outputs.output_paths import script_name

FORMAT = 1
"""Number of the data's format: scripts of another one are written anew."""

_START, _END = b"igcliValues(", b");\n"


def fingerprint(*parts: object) -> str:
    """Return a hash of everything that a script is made from, JSON values."""
    content = json.dumps([FORMAT, *parts], sort_keys=True)
    return hashlib.sha256(content.encode("ascii")).hexdigest()[:32]


def encode_script(image: str, content: Mapping[str, Any]) -> bytes:
    """Return a script of an image, which calls the page's function with `content`."""
    return _START + to_json({"image": text(image), **content}).encode("ascii") + _END


class ScriptFolder:
    """Writes the scripts of a page, and keeps those of earlier pages that are still right."""

    def __init__(self, folder: OutputFolder, root: str) -> None:
        """Write to the folder `root` in an output folder."""
        self._folder = folder
        self._root = root

    def write(
        self, kind: str, image: str, mark: str, make: Callable[[], Mapping[str, Any]]
    ) -> str | None:
        """Write a script, unless there is one with the same mark.

        Args:
            kind: What it holds: "values".
            image: Name of the image, as in records.
            mark: Fingerprint of what the script is made from.
            make: Returns its content; called if it has to be written.

        Returns:
            Its name in the output folder; None if the image has no name that a file can have.

        Raises:
            UsageError: A file of this name was not written by igcli.
            OutputError: It cannot be written.
        """
        if url(image) is None:
            return None
        name = f"{self._root}/{script_name(kind, image)}"
        try:
            earlier = self._read(name)
            if earlier is None or earlier.get("mark") != mark:
                self._folder.write(name, encode_script(image, {"mark": mark, **make()}))
        except ImageError:
            return None
        return name

    def _read(self, name: str) -> Mapping[str, Any] | None:
        """Return the content of a script of an earlier page; None if there is none."""
        if not self._folder.has(name):
            return None
        with self._folder.open_to_read(name) as file:
            data = file.read()
        if not data.startswith(_START):
            path = os.path.join(self._folder.path, name)  # noqa: PTH118
            raise UsageError(
                f"{path!r} was not written by igcli and is not overwritten; move it elsewhere"
            )
        try:
            content = json.loads(data[len(_START) : -len(_END)]) if data.endswith(_END) else None
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None
