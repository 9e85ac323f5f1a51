"""Hashes of networks."""

import hashlib
import os
from pathlib import Path

from igcli.errors import ModelError
from igcli.models.catalog.published import RELEASES
from igcli.models.options import ModelOptions, is_name


def of_file(path: str) -> str:
    """Return the SHA-256 of a file, hexadecimal.

    Raises:
        ModelError: It cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"model: {path}: {error.strerror}") from None


def of_folder(path: str) -> str:
    """Return a SHA-256 over the names and contents of all files in a folder, hexadecimal.

    Names are relative, joined by "/" and sorted, so that a copy has the same hash.

    Raises:
        ModelError: A file cannot be read.
    """
    files = [file for file in Path(path).rglob("*") if file.is_file()]
    named = sorted((os.fsencode(file.relative_to(path).as_posix()), file) for file in files)
    whole = hashlib.sha256()
    for name, file in named:
        whole.update(len(name).to_bytes(8, "big") + name + bytes.fromhex(of_file(str(file))))
    return whole.hexdigest()


def of_path(path: str) -> str:
    """Return the hash of a file or folder.

    Raises:
        ModelError: A file cannot be read.
    """
    return of_folder(path) if Path(path).is_dir() else of_file(path)


def of_source(options: ModelOptions) -> str | None:
    """Return the hash that a network will have, as far as it is known without loading it.

    None for `keras.applications`, whose weights are hashed in memory.

    Raises:
        ModelError: A file cannot be read.
    """
    source = options.source
    if source in RELEASES:
        return RELEASES[source].graph.sha256
    if is_name(source):
        return None
    return of_path(source)
