"""The images in a tar archive, read as a stream: nothing is sought, and nothing kept."""

# Paths stay as they were given, byte for byte.
# ruff: noqa: PTH123

import contextlib
import gzip
import os
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, NoReturn

from igcli.errors import ImageError
from igcli.images.endings import EXTENSIONS
from igcli.images.statistics import HIDDEN, WalkStatistics
from igcli.records import Source
from igcli.shortening import member_stem
from igcli.urls import is_url, shown

GZIP = b"\x1f\x8b"
CHUNK = 1 << 16
LONGEST_HEADER = 1 << 20
LABEL, LONGEST_LABEL = ".cls", 1 << 12
MOST_WAITING, MOST_OTHERS = 16, 1000
NAMED = 3
META = re.compile(r"__[^/]*__($|/)")
"""What WebDataset leaves out, beside names that begin with a dot."""

# What the library was seen to raise, or may, on archives that are damaged or made to harm.
DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    tarfile.TarError,
    zlib.error,
)


class TarStream:
    """The images of one tar archive, in its order.

    Attributes:
        trouble: Why images may be missing, once all were read; empty if they are not.
    """

    def __init__(
        self, source: Source, *, most: int, tally: WalkStatistics, labelled: bool = False
    ) -> None:
        """Name an archive; nothing is opened yet.

        Args:
            source: Where it lies.
            most: Bytes that one image may have.
            tally: Counts members that are left out, but for those that belong to an image.
            labelled: Whether images wait for the members beside them that say what they show.
        """
        self.trouble = ""
        self._source = source
        self._most = most
        self._tally = tally
        self._labelled = labelled
        self._seen: set[int] = set()
        self._out: list[str] = []

    def __iter__(self) -> Iterator[Source]:
        """Yield each image, read or with the error that kept it from being read."""
        count = 0
        sample = _Sample("")
        try:
            with _opened(self._source.path) as stream:
                for member in members_of(stream):
                    count += 1
                    name = _name(member)
                    if self._is_hidden(member, name):
                        continue
                    key = _key(name)
                    if key != sample.key:
                        yield from sample.end(self._tally)
                        sample = _Sample(key)
                    source = self._image(member, name, stream, sample)
                    sample.has_image |= source is not None
                    if source is not None and self._labelled and sample.can_wait(name):
                        sample.waiting.append((name, source))
                    elif source is not None:
                        yield replace(source, label=sample.label_of(name))
                    yield from sample.ready()
        except (*DAMAGED, ImageError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            where = f"damaged after {count:,} members" if count else "cannot be read as a tar file"
            self.trouble = f"{where}: {reason}"
        yield from sample.end(self._tally)
        if self._out:
            names = ", ".join(map(repr, self._out[:NAMED]))
            told = f"left out, of names that lead elsewhere or came before: {names}"
            more = len(self._out) - NAMED
            told += f" and {more:,} more" if more > 0 else ""
            self.trouble = "; ".join(filter(None, (self.trouble, told)))

    def _is_hidden(self, member: tarfile.TarInfo, name: str) -> bool:
        """Tell whether a member is a folder, or of a name that is none of a sample."""
        if member.isdir() or not name or META.match(name):
            return True
        if any(part.startswith(".") and part != ".." for part in name.split("/")):
            self._tally.skip(HIDDEN, member.name)
            return True
        return False

    def _image(
        self, member: tarfile.TarInfo, name: str, stream: "Forward", sample: "_Sample"
    ) -> Source | None:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in EXTENSIONS:
            sample.others += [suffix.lower()] if len(sample.others) < MOST_OTHERS else []
            if self._labelled and suffix.lower() == LABEL:
                sample.add(stem, _label(member, stream))
            return None
        key = hash(member_stem(name))
        if ".." in name.split("/") or "\0" in stem or key in self._seen:
            self._out.append(member.name)
            return None
        self._seen.add(key)
        try:
            data: bytes | ImageError = _read(member, stream, most=self._most)
        except ImageError as error:
            data = error
        return Source(f"{shown(self._source.path)}/{name}", f"{self._source.name}/{name}", data)


@dataclass(slots=True)
class _Sample:
    """Members of one key, one after the other, as WebDataset has what belongs together."""

    key: str
    has_image: bool = False
    labels: dict[str, str | None] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    waiting: list[tuple[str, Source]] = field(default_factory=list)

    def add(self, stem: str, label: str | None) -> None:
        """Keep the label of a name, and not those of many names of one key."""
        self.labels[stem] = label
        if len(self.labels) > MOST_WAITING:
            del self.labels[next(each for each in self.labels if each != self.key)]

    def ready(self) -> Iterator[Source]:
        """Yield the images whose label came."""
        waiting, self.waiting = self.waiting, []
        for name, source in waiting:
            label = self.label_of(name)
            if label is None:
                self.waiting.append((name, source))
            else:
                yield replace(source, label=label)

    def can_wait(self, name: str) -> bool:
        """Tell whether a label may still come, and images have not waited for it in vain."""
        return self.label_of(name) is None and len(self.waiting) < MOST_WAITING

    def label_of(self, name: str) -> str | None:
        """Return the label of an image: that of its name without the ending, else of the key.

        Names with dots, as 22.05.png and 22.06.png, have one key, and may have labels each.
        """
        stem = os.path.splitext(name)[0]
        return next((self.labels[each] for each in (stem, self.key) if each in self.labels), None)

    def end(self, tally: WalkStatistics) -> Iterator[Source]:
        """Yield the images that waited, with their label; count the members of no image."""
        for suffix in () if self.has_image else self.others:
            tally.other(suffix)
        yield from (source for _, source in self.waiting)


def _name(member: tarfile.TarInfo) -> str:
    """Return the name of a member without what changes nothing in it."""
    return "/".join(part for part in member.name.split("/") if part not in ("", "."))


def _key(name: str) -> str:
    """Return what the members of a sample have in common: all before the last part's first dot."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _label(member: tarfile.TarInfo, stream: "Forward") -> str | None:
    try:
        return _read(member, stream, most=LONGEST_LABEL).decode("utf-8-sig").strip()
    except (ImageError, UnicodeError):
        return None  # The image says that it has none.


class Forward:
    """A stream as the library reads it: forward alone, and no more at once than is allowed."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._at = 0
        self.allowed = LONGEST_HEADER

    def tell(self) -> int:
        """Return how much was read."""
        return self._at

    def seek(self, to: int) -> None:
        """Go on to a place further on."""
        if to < self._at:
            raise ImageError("a member begins before the end of another")
        while self._at < to and (chunk := self._stream.read(min(CHUNK, to - self._at))):
            self._at += len(chunk)

    def read(self, size: int) -> bytes:
        """Read as much as is left, and no more than is allowed."""
        if not 0 <= size <= self.allowed:
            raise ImageError(f"a header of more than {LONGEST_HEADER:,} bytes")
        self.allowed -= size
        parts = []
        while size and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self._at += len(data)
        return data


class _Header(tarfile.TarInfo):
    """A member's header; where the library takes a broken one for the end, it is damage."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            _refuse("it ends without an end mark")
        except tarfile.HeaderError as error:
            _refuse(str(error))


def _refuse(reason: str) -> NoReturn:
    raise ImageError(reason)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Forward]:
    """Open an archive, packed by gzip or not."""
    with _file(path) as file:
        packed = file.peek(len(GZIP)).startswith(GZIP)  # type: ignore[attr-defined]
        with gzip.open(file) if packed else contextlib.nullcontext(file) as stream:
            yield Forward(stream)


def _file(path: str) -> IO[bytes]:
    if is_url(path):
        # Imported here: for plain paths, nothing of it is needed.
        from igcli.images.remote import open_file

        return open_file(path)
    return open(path, "rb")


def members_of(stream: Forward) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive; what it claims costs no memory.

    Raises:
        ImageError: It is damaged, as may be any of `DAMAGED`.
    """
    archive = tarfile.TarFile(
        fileobj=stream,  # type: ignore[arg-type]
        tarinfo=_Header,
        encoding="utf-8",
        errors="surrogateescape",
    )
    while True:
        stream.allowed = LONGEST_HEADER
        member = archive.next()
        if member is None:
            return
        # The library would keep them all.
        archive.members.clear()  # type: ignore[attr-defined]
        archive.pax_headers = {}
        if member.size < 0:
            raise ImageError("a member of negative size")
        yield member


def _read(member: tarfile.TarInfo, stream: Forward, *, most: int) -> bytes:
    if member.issym() or member.islnk():
        raise ImageError(f"a link to {member.linkname!r}, and streams are not read twice")
    if not member.isreg() or member.issparse():
        raise ImageError("a sparse file" if member.issparse() else "not a regular file")
    if member.size > most:
        raise ImageError(f"too large: {member.size:,} bytes, the limit is {most:,}")
    if not member.size:
        raise ImageError("empty file")
    stream.seek(member.offset_data)
    stream.allowed = member.size
    data = stream.read(member.size)
    if len(data) < member.size:
        raise EOFError("unexpected end of data")
    return data
