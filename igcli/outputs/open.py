"""Choose the kind of output folder by its path or URL."""

from igcli.outputs.folder import OutputFolder
from igcli.outputs.local_folder import LocalFolder
from igcli.urls import checked, is_url


def output_at(path: str) -> OutputFolder:
    """Return the output at a path or URL; nothing is accessed yet.

    Raises:
        UsageError: The path is empty or unusable, or igcli cannot write to this kind of store.
    """
    path = checked(path)
    if is_url(path):
        # Imported here: local paths need nothing of it.
        from igcli.outputs.remote_folder import RemoteFolder

        return RemoteFolder(path)
    return LocalFolder(path)
