"""The results of a tar archive's images as another tar archive, each image's members together.

Members have no date and no owner, so that equal results make equal archives.

Source: the WebDataset format: members of one key, which ends at the first dot, form a sample.
"""

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import parse, to_line
from igcli.records import FileKind, Record
from igcli.shortening import member_stem, shortened

FOLDER, SUFFIX, RECORD = "tars", ".tar", ".json"
END = bytes(2 * tarfile.BLOCKSIZE)
CHUNK = 1 << 20
DAMAGED = (tarfile.TarError, OSError, ValueError, EOFError, RuntimeError, AttributeError)


def tar_name(name: str) -> str:
    """Return the archive of results for the archive `name`; any suffix but ".tar" stays."""
    return f"{FOLDER}/{shortened(name.removesuffix(SUFFIX), room=len(SUFFIX))}{SUFFIX}"


def files_in(archive: str, image: str, panel_format: str, gif_format: str) -> dict[FileKind, str]:
    """Return the names of an image's panel, GIF and arrays: `archive`, "/" and their member.

    Args:
        archive: Name of the archive of results.
        image: Name of the image's member in its own archive.
        panel_format: File format of panels.
        gif_format: File format of animations.
    """
    stem = f"{archive}/{member_stem(image)}"
    return {
        "panel": f"{stem}.panel.{panel_format}",
        "gif": f"{stem}.{gif_format}",
        "arrays": f"{stem}.npz",
    }


def encode_group(files: Mapping[str, bytes], image: str, record: Mapping[str, object]) -> bytes:
    """Return the members of one image: its files by name, then its record."""
    members = {**files, member_stem(image) + RECORD: to_line(record)}
    return b"".join(_member(name, data) for name, data in members.items())


def _member(name: str, data: bytes) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    padding = bytes(-len(data) % tarfile.BLOCKSIZE)
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") + data + padding


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The members of one image in an existing archive.

    Attributes:
        record: The image's record.
        files: Offsets of the data of the other members, start and end in bytes, by name.
        start: Offset of the group.
        end: Offset of the next one.
    """

    record: Record
    files: Mapping[str, tuple[int, int]]
    start: int
    end: int


def read_groups(file: IO[bytes]) -> Iterator[Group]:
    """Yield the groups of an archive that `encode_group` wrote, up to the first damage.

    Between two groups, `file` may be read at other positions.
    """
    files: dict[str, tuple[int, int]] = {}
    start = 0
    try:
        archive = tarfile.TarFile(fileobj=file, encoding="utf-8", errors="surrogateescape")
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]
            if not member.name.endswith(RECORD):
                files[member.name] = (member.offset_data, member.offset_data + member.size)
                continue
            file.seek(member.offset_data)
            record = parse(file.read(member.size))
            if record is None:
                return
            end: int = archive.offset
            yield Group(record, files, start, end)
            files, start = {}, end
    except DAMAGED:
        return


def read_records(folder: OutputFolder, name: str) -> Iterator[Record]:
    """Yield the records in the archive `name`; errors as in `folder.open_to_read`."""
    with folder.open_to_read(name) as file:
        for group in read_groups(file):
            yield group.record


def read_range(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of `file` from `start` up to `end` in chunks."""
    while start < end:
        file.seek(start)
        chunk = file.read(min(CHUNK, end - start))
        if not chunk:
            raise OSError(None, "its earlier version was truncated meanwhile")
        yield chunk
        start += len(chunk)
