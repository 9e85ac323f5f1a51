"""Reads the images of a tar archive as a stream, without seeking or keeping members."""

# Paths stay as given, byte for byte.
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
from igcli.images.walk_statistics import EXTENSIONS, HIDDEN, WalkStatistics
from igcli.records import Source
from igcli.shortening import member_stem
from igcli.urls import is_url, shown

GZIP = b"\x1f\x8b"
CHUNK = 1 << 16
MAX_HEADER = 1 << 20
LABEL, MAX_LABEL = ".cls", 1 << 12
MAX_WAITING, MAX_OTHERS = 16, 1000
MAX_NAMED = 3
META = re.compile(r"__[^/]*__($|/)")
"""Names that WebDataset leaves out, besides those that start with a dot."""

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
"""Exceptions that `tarfile` raises, or may raise, for damaged and hostile archives."""


class TarStream:
    """The images of one tar archive, in their order.

    Attributes:
        problem: After the iteration, why images may be missing; empty if none are.
    """

    def __init__(
        self, source: Source, *, max_bytes: int, statistics: WalkStatistics, labelled: bool = False
    ) -> None:
        """Describe an archive; nothing is opened yet.

        Args:
            source: The archive.
            max_bytes: Maximum size of an image.
            statistics: Counts the members left out that do not belong to an image.
            labelled: Whether images wait for the label that a member beside them states.
        """
        self.problem = ""
        self._source = source
        self._max_bytes = max_bytes
        self._statistics = statistics
        self._labelled = labelled
        self._seen: set[int] = set()
        self._left_out: list[str] = []

    def __iter__(self) -> Iterator[Source]:
        """Yield each image with its data, or with the error of reading them."""
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
                        yield from sample.end(self._statistics)
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
            failure = (
                f"damaged after {count:,} members" if count else "cannot be read as a tar file"
            )
            self.problem = f"{failure}: {reason}"
        yield from sample.end(self._statistics)
        if self._left_out:
            names = ", ".join(map(repr, self._left_out[:MAX_NAMED]))
            left_out = f"left out, because the names repeat or lead elsewhere: {names}"
            more = len(self._left_out) - MAX_NAMED
            left_out += f" and {more:,} more" if more > 0 else ""
            self.problem = "; ".join(filter(None, (self.problem, left_out)))

    def _is_hidden(self, member: tarfile.TarInfo, name: str) -> bool:
        """Return whether a member is a folder or has a name that belongs to no sample."""
        if member.isdir() or not name or META.match(name):
            return True
        if any(part.startswith(".") and part != ".." for part in name.split("/")):
            self._statistics.skip(HIDDEN, member.name)
            return True
        return False

    def _image(
        self, member: tarfile.TarInfo, name: str, stream: "ForwardReader", sample: "_Sample"
    ) -> Source | None:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in EXTENSIONS:
            sample.others += [suffix.lower()] if len(sample.others) < MAX_OTHERS else []
            if self._labelled and suffix.lower() == LABEL:
                sample.add(stem, _label(member, stream))
            return None
        key = hash(member_stem(name))
        if ".." in name.split("/") or "\0" in stem or key in self._seen:
            self._left_out.append(member.name)
            return None
        self._seen.add(key)
        try:
            data: bytes | ImageError = _read(member, stream, max_bytes=self._max_bytes)
        except ImageError as error:
            data = error
        return Source(f"{shown(self._source.path)}/{name}", f"{self._source.name}/{name}", data)


@dataclass(slots=True)
class _Sample:
    """Consecutive members with the same key, as in WebDataset."""

    key: str
    has_image: bool = False
    labels: dict[str, str | None] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    waiting: list[tuple[str, Source]] = field(default_factory=list)

    def add(self, stem: str, label: str | None) -> None:
        """Keep the label of a name; of one key, only the latest labels are kept."""
        self.labels[stem] = label
        if len(self.labels) > MAX_WAITING:
            del self.labels[next(name for name in self.labels if name != self.key)]

    def ready(self) -> Iterator[Source]:
        """Yield the waiting images whose label has been read."""
        waiting, self.waiting = self.waiting, []
        for name, source in waiting:
            label = self.label_of(name)
            if label is None:
                self.waiting.append((name, source))
            else:
                yield replace(source, label=label)

    def can_wait(self, name: str) -> bool:
        """Return whether an image should wait for its label; only a few images can wait."""
        return self.label_of(name) is None and len(self.waiting) < MAX_WAITING

    def label_of(self, name: str) -> str | None:
        """Return the label of an image's name without the extension, else the label of the key.

        Names with dots, such as 22.05.png and 22.06.png, share a key and may have a label each.
        """
        stem = os.path.splitext(name)[0]
        return next((self.labels[name] for name in (stem, self.key) if name in self.labels), None)

    def end(self, statistics: WalkStatistics) -> Iterator[Source]:
        """Yield the waiting images, unlabelled; count the members of a sample without an image."""
        for suffix in () if self.has_image else self.others:
            statistics.other(suffix)
        yield from (source for _, source in self.waiting)


def _name(member: tarfile.TarInfo) -> str:
    """Return the name of a member without empty parts and single dots."""
    return "/".join(part for part in member.name.split("/") if part not in ("", "."))


def _key(name: str) -> str:
    """Return the key of a member's sample: its name up to the first dot of the last part."""
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def _label(member: tarfile.TarInfo, stream: "ForwardReader") -> str | None:
    try:
        return _read(member, stream, max_bytes=MAX_LABEL).decode("utf-8-sig").strip()
    except (ImageError, UnicodeError):
        return None  # The image then fails for its missing label.


class ForwardReader:
    """A stream for `tarfile` that moves only forward and limits how much is read at once."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile) -> None:
        self._stream = stream
        self._at = 0
        self.allowed = MAX_HEADER

    def tell(self) -> int:
        """Return the position, the number of bytes read so far."""
        return self._at

    def seek(self, to: int) -> None:
        """Skip forward to a position."""
        if to < self._at:
            raise ImageError("a member starts before the previous one ends")
        while self._at < to and (chunk := self._stream.read(min(CHUNK, to - self._at))):
            self._at += len(chunk)

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, within the allowance."""
        if not 0 <= size <= self.allowed:
            raise ImageError(f"a header is larger than {MAX_HEADER:,} bytes")
        self.allowed -= size
        parts = []
        while size and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self._at += len(data)
        return data


class _Header(tarfile.TarInfo):
    """A member's header; a broken one is damage, where `tarfile` takes it for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> "_Header":
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.EmptyHeaderError:  # type: ignore[attr-defined]
            _refuse("the end mark is missing")
        except tarfile.HeaderError as error:
            _refuse(str(error))


def _refuse(reason: str) -> NoReturn:
    raise ImageError(reason)


@contextlib.contextmanager
def _opened(path: str) -> Iterator[ForwardReader]:
    """Open an archive, compressed with gzip or not."""
    with _file(path) as file:
        is_compressed = file.peek(len(GZIP)).startswith(GZIP)  # type: ignore[attr-defined]
        with gzip.open(file) if is_compressed else contextlib.nullcontext(file) as stream:
            yield ForwardReader(stream)


def _file(path: str) -> IO[bytes]:
    if is_url(path):
        # Imported here because local paths do not need it.
        from igcli.images.remote import open_file

        return open_file(path)
    return open(path, "rb")


def members_of(stream: ForwardReader) -> Iterator[tarfile.TarInfo]:
    """Yield the members of an archive; false claims in it cost no memory.

    Raises:
        ImageError: The archive is damaged; exceptions in `DAMAGED` mean the same.
    """
    archive = tarfile.TarFile(
        fileobj=stream,  # type: ignore[arg-type]
        tarinfo=_Header,
        encoding="utf-8",
        errors="surrogateescape",
    )
    while True:
        stream.allowed = MAX_HEADER
        member = archive.next()
        if member is None:
            return
        # `tarfile` would keep all of them.
        archive.members.clear()  # type: ignore[attr-defined]
        archive.pax_headers = {}
        if member.size < 0:
            raise ImageError("a member of negative size")
        yield member


def _read(member: tarfile.TarInfo, stream: ForwardReader, *, max_bytes: int) -> bytes:
    if member.issym() or member.islnk():
        raise ImageError(f"a link to {member.linkname!r}; links in tar archives are not followed")
    if not member.isreg() or member.issparse():
        raise ImageError("a sparse file" if member.issparse() else "not a regular file")
    if member.size > max_bytes:
        raise ImageError(f"too large: {member.size:,} bytes, the limit is {max_bytes:,}")
    if not member.size:
        raise ImageError("empty file")
    stream.seek(member.offset_data)
    stream.allowed = member.size
    data = stream.read(member.size)
    if len(data) < member.size:
        raise EOFError("unexpected end of data")
    return data
