"""Hashes that identify networks."""

import hashlib
import os
from pathlib import Path

from igcli.errors import ModelError
from igcli.models.catalog import published
from igcli.models.file_kind import kind_of
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

    Names are relative to the folder, separated by "/" and sorted, so that a copy has the same hash.

    Raises:
        ModelError: A file cannot be read.
    """
    files = [file for file in Path(path).rglob("*") if file.is_file()]
    by_name = sorted((os.fsencode(file.relative_to(path).as_posix()), file) for file in files)
    digest = hashlib.sha256()
    for name, file in by_name:
        digest.update(len(name).to_bytes(8, "big") + name + bytes.fromhex(of_file(str(file))))
    return digest.hexdigest()


def of_path(path: str) -> str:
    """Return the SHA-256 of a file or folder, hexadecimal.

    Raises:
        ModelError: A file cannot be read.
    """
    return of_folder(path) if Path(path).is_dir() else of_file(path)


def of_source(options: ModelOptions) -> str | None:
    """Return the hash that a network will have, if it is known without loading the network.

    It is None for `keras.applications`, whose weights are hashed in memory, and for the demo.

    Raises:
        UsageError: It is an ONNX file, and the extra for ONNX is not installed.
        ModelError: A file cannot be read.
    """
    source = options.source
    if source in published.RELEASES:
        return published.RELEASES[source].graph.sha256
    if is_name(source):
        return None
    if kind_of(source) == "onnx":
        from igcli.models import onnx

        onnx.check_installed(source)
        from igcli.models.onnx import file

        return file.sha256_of(source)
    return of_path(source)
