"""The file of a page that an option names."""

import os
from typing import TYPE_CHECKING

from igcli.errors import UsageError

if TYPE_CHECKING:  # Not imported for the commands' help.
    from igcli.outputs.local_folder import LocalFolder


def checked_page(option: str, path: str) -> "tuple[LocalFolder, str]":
    """Return the folder and file name of a page to write.

    Args:
        option: The option that names it, for messages.
        path: The path of the file.

    Raises:
        UsageError: The folder does not exist or cannot be written to, or the file was not written
            by igcli.
    """
    from igcli.outputs.local_folder import LocalFolder
    from igcli.outputs.run_files import refuse_foreign_page

    parent, name = os.path.split(path)
    folder = LocalFolder(parent or ".")
    if not name or not os.path.isdir(folder.path):  # noqa: PTH112
        raise UsageError(f"{option} {path!r}: name a file in an existing folder")
    folder.check()
    refuse_foreign_page(folder, name)
    return folder, name
