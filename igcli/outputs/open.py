"""From the path or URL of an output to the folder that it names."""

from igcli.outputs.folder import OutputFolder
from igcli.urls import checked, is_url


def output_at(path: str) -> OutputFolder:
    """Return the output at a path or URL; nothing is looked up yet.

    Raises:
        UsageError: It names no folder, or a store that igcli cannot write to.
    """
    path = checked(path)
    if is_url(path):
        # Imported here: for plain paths, nothing of it is needed.
        from igcli.outputs.remote import RemoteFolder

        return RemoteFolder(path)
    return OutputFolder(path)
