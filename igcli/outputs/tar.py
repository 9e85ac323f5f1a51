"""The results of a tar archive's images, as a tar archive: the members of an image together.

Members are undated and nobody's, so that equal results are equal archives.

Source: the WebDataset format: members of one key, which ends at the first dot, form a sample.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import to_json
from igcli.shortening import member_stem, shortened

FOLDER, SUFFIX, RECORD = "tars", ".tar", ".json"
END = bytes(2 * tarfile.BLOCKSIZE)
CHUNK = 1 << 20
BROKEN = (tarfile.TarError, OSError, ValueError, EOFError, RuntimeError, AttributeError)

Record = dict[str, Any]


def tar_name(name: str) -> str:
    """Return where the results of the archive `name` lie: an ending of exactly ".tar" stays."""
    return f"{FOLDER}/{shortened(name.removesuffix(SUFFIX), room=len(SUFFIX))}{SUFFIX}"


def files_in(archive: str, image: str, panel_format: str, gif_format: str) -> dict[str, str]:
    """Return where the panel, GIF and arrays of an image lie: names of members behind `archive`.

    Args:
        archive: The output that they are in.
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


def encode_group(files: Mapping[str, bytes], image: str, record: Record) -> bytes:
    """Return the members of one image: its files by name, then its record."""
    members = {**files, member_stem(image) + RECORD: to_json(record).encode("ascii") + b"\n"}
    return b"".join(_member(name, data) for name, data in members.items())


def _member(name: str, data: bytes) -> bytes:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    filled = bytes(-len(data) % tarfile.BLOCKSIZE)
    return header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape") + data + filled


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The members of one image in an archive that is there.

    Attributes:
        record: The image's.
        files: Where the data of the other members lie: first byte and end, by name.
        start: Where the group begins.
        end: Where the next one does.
    """

    record: Record
    files: Mapping[str, tuple[int, int]]
    start: int
    end: int


def read_groups(file: IO[bytes]) -> Iterator[Group]:
    """Yield the groups of an archive that `encode_group` wrote, as far as they are whole.

    Between two of them `file` may be read elsewhere.
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
            record = json.loads(file.read(member.size))
            if not isinstance(record, dict) or not isinstance(record.get("image"), str):
                return
            end: int = archive.offset
            yield Group(record, files, start, end)
            files, start = {}, end
    except BROKEN:
        return


def read_records(folder: OutputFolder, name: str) -> Iterator[Record]:
    """Yield the records in the archive `name`; errors as in `folder.open_to_read`."""
    with folder.open_to_read(name) as file:
        for group in read_groups(file):
            yield group.record


def copied(file: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of `file` from `start` up to `end`, a piece at a time."""
    while start < end:
        file.seek(start)
        piece = file.read(min(CHUNK, end - start))
        if not piece:
            raise OSError(None, "its earlier version became shorter")
        yield piece
        start += len(piece)
