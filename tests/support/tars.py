"""Tar archives in the layout of WebDataset, and hostile ones."""

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from support.image_files import encoded


def regular(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    """Return a regular file as a member."""
    header = tarfile.TarInfo(name)
    header.size = len(data)
    return header, data


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    """Return a member that is not a regular file: a link or a device."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header, b""


def write_tar(
    path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]], mode: str = "w"
) -> Path:
    """Write an archive with these members."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for header, data in members:
            archive.addfile(header, io.BytesIO(data))
    return path


def samples(count: int, first: int = 0) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Return samples in the layout of WebDataset: an image and its class."""
    members = []
    for number in range(first, first + count):
        members.append(regular(f"cats/{number:04}.jpg", encoded(number, "JPEG")))
        members.append(regular(f"cats/{number:04}.cls", b"3"))
    return members


def members_of(path: Path) -> dict[str, bytes]:
    """Return the files in an archive by name, in their order; checks that names are unique."""
    content: dict[str, bytes] = {}
    with tarfile.open(path, "r:") as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            assert member.name not in content
            content[member.name] = file.read()
    return content
