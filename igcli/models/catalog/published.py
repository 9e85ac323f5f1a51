"""Published networks on this machine: looked up, downloaded, installed, and always verified."""

import hashlib
import logging
import os
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import platformdirs

from igcli.errors import ModelError, UsageError


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive.

    Attributes:
        name: Its name in the archive.
        sha256: Of its contents, hexadecimal.
        most_bytes: More than this is not even unpacked.
    """

    name: str
    sha256: str
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """A published archive.

    Attributes:
        name: The network's.
        url: Where it is published.
        sha256: Of the archive, hexadecimal.
        graph: The frozen graph in it.
        labels: The class names in it.
    """

    name: str
    url: str
    sha256: str
    graph: Member
    labels: Member

    @property
    def archive(self) -> str:
        """The archive's file name."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def members(self) -> tuple[Member, ...]:
        """The files that are needed; others in the archive are not looked at."""
        return (self.graph, self.labels)


INCEPTION_V1 = Release(
    name="inception_v1",
    url="https://storage.googleapis.com/download.tensorflow.org/models/inception5h.zip",
    sha256="d13569f6a98159de37e92e9c8ec4dae8f674fbf475f69fe6199b514f756d4364",
    graph=Member(
        "tensorflow_inception_graph.pb",
        "a39b08b826c9d5a5532ff424c03a3a11a202967544e389aca4b06c2bd8aef63f",
        100_000_000,
    ),
    labels=Member(
        "imagenet_comp_graph_label_strings.txt",
        "da2a31ecfe9f212ae8dd07379b11a74cb2d7a110eba12c5fc8c862a65b8e6606",
        1_000_000,
    ),
)

RELEASES = MappingProxyType({INCEPTION_V1.name: INCEPTION_V1})
"""Every release by its network's name; the hashes are the program's, never a setting."""


log = logging.getLogger(__name__)

_CHUNK = 1 << 20


def home() -> Path:
    """Return the cache folder: `IGCLI_HOME` where it is set, else the platform's."""
    chosen = os.environ.get("IGCLI_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("igcli"))


def folder(release: Release) -> Path:
    """Return where a release's files are kept."""
    return home() / "models" / release.name


def is_cached(release: Release) -> bool:
    """Tell whether all files of a release are there; what is in them is verified when read."""
    return all((folder(release) / member.name).is_file() for member in release.members)


def obtain(release: Release) -> dict[str, bytes]:
    """Return the verified contents of a release's files by name; downloaded if need be.

    Raises:
        ModelError: They are not there and cannot be downloaded, or are not what was published.
    """
    found = _read(release)
    if found is None:
        _download(release)
        found = _read(release)
    if found is None:
        raise ModelError(f"model: {release.name}: {folder(release)} was emptied while it was read")
    return found


def install(release: Release, archive: Path) -> Path:
    """Put the files of a downloaded archive into the cache, each whole or not at all.

    Args:
        release: What it should be.
        archive: The file.

    Returns:
        The folder they are in.

    Raises:
        UsageError: The archive is not there.
        ModelError: It is another one, or the cache cannot be written.
    """
    try:
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != release.sha256:
                raise ModelError(
                    f"{archive}: is not the archive that was published (its SHA-256 differs from "
                    f"{release.sha256}): download {release.url} again"
                )
            contents = {each.name: _unpacked(file, each, archive) for each in release.members}
    except FileNotFoundError:
        raise UsageError(f"{archive}: no such file") from None
    except OSError as error:
        raise ModelError(f"{archive}: {error.strerror}") from None
    target = folder(release)
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            write(target / name, data)
    except OSError as error:
        raise ModelError(
            f"the cache folder {target} cannot be written: {error.strerror} (set IGCLI_HOME to "
            "another folder)"
        ) from None
    return target


def _read(release: Release) -> dict[str, bytes] | None:
    """Return the contents of the files, None where one is missing."""
    contents = {}
    for member in release.members:
        path = folder(release) / member.name
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ModelError(f"model: {path}: {error.strerror}") from None
        if hashlib.sha256(data).hexdigest() != member.sha256:
            raise ModelError(
                f"model: {path} is damaged (its SHA-256 differs): remove it, and it will be "
                f"downloaded again, or run {_command(release)}"
            )
        contents[member.name] = data
    return contents


def _download(release: Release) -> None:
    """Download into the cache folder and install; nothing half-written is left behind."""
    # Slow to import, and needed once in a machine's life.
    import pooch

    pooch.get_logger().setLevel(logging.ERROR)
    log.warning("downloading %s into %s", release.url, folder(release))
    progress = sys.stderr.isatty() and log.isEnabledFor(logging.WARNING)
    try:
        home().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=home()) as place:
            pooch.retrieve(
                release.url,
                known_hash=f"sha256:{release.sha256}",
                fname=release.archive,
                path=place,
                progressbar=progress,
            )
            install(release, Path(place) / release.archive)
    except (OSError, ValueError) as error:  # pooch's ValueError is another hash.
        raise ModelError(
            f"model: {release.name} cannot be downloaded from {release.url} into {home()}: "
            f"{_cause(error)}; download it elsewhere, then run {_command(release)}"
        ) from None


def _command(release: Release) -> str:
    return f"igcli models fetch {release.name} --from {release.archive}"


def _cause(error: BaseException) -> str:
    """Return the innermost reason, which is the only readable one."""
    while error.__context__ is not None:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:200]


def _unpacked(file: object, member: Member, archive: Path) -> bytes:
    """Return one file of an archive; only its own name is looked for, and only so much read."""
    try:
        with zipfile.ZipFile(file) as zipped, zipped.open(member.name) as packed:  # type: ignore[call-overload]
            data: bytes = packed.read(member.most_bytes + 1)
    except KeyError:
        raise ModelError(f"{archive}: has no {member.name} in it") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ModelError(f"{archive}: is not a zip archive that can be read: {error}") from None
    if len(data) > member.most_bytes or hashlib.sha256(data).hexdigest() != member.sha256:
        raise ModelError(f"{archive}: {member.name} in it is not the file that was published")
    return data


def write(path: Path, data: bytes) -> None:
    """Write beside, then rename: two processes at once leave one whole file.

    Raises:
        OSError: It cannot be written.
    """
    descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
