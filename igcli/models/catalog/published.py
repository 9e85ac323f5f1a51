"""Networks known by name, and the cache of those published as archives.

An archive is downloaded once or installed from a file. Its files are verified whenever they are
read.
"""

import hashlib
import logging
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import platformdirs

from igcli.errors import ModelError, UsageError
from igcli.models.catalog.applications import APPLICATIONS, PREFIX, cached_weights

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive.

    Attributes:
        name: Its name in the archive.
        sha256: SHA-256 of its contents, hexadecimal.
        max_bytes: Size limit; a larger file is not unpacked.
    """

    name: str
    sha256: str
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """A published archive.

    Attributes:
        name: Name of the network.
        url: Where it is published.
        sha256: SHA-256 of the archive, hexadecimal.
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
        """The files to unpack; any others in the archive are ignored."""
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
"""Releases by the name of their network. The hashes are part of the program, never a setting."""


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """A network known by name.

    Attributes:
        name: Value of `model` that selects it.
        size: Height and width of its input.
        is_cached: Whether its weights are on this machine.
        origin: Where they come from.
    """

    name: str
    size: int
    is_cached: bool
    origin: str


def known_networks() -> Iterator[KnownNetwork]:
    """Yield all networks known by name, without importing TensorFlow."""
    yield KnownNetwork("demo", 224, True, "embedded")
    for release in RELEASES.values():
        yield KnownNetwork(release.name, 224, is_cached(release), release.url)
    for name, application in APPLICATIONS.items():
        has_weights = cached_weights(name).is_file()
        yield KnownNetwork(f"{PREFIX}{name}", application.size, has_weights, "Keras")


def cache_folder() -> Path:
    """Return the cache folder: `IGCLI_HOME` if set, else the platform's."""
    chosen = os.environ.get("IGCLI_HOME")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("igcli"))


def folder(release: Release) -> Path:
    """Return the folder that a release's files are kept in."""
    return cache_folder() / "models" / release.name


def is_cached(release: Release) -> bool:
    """Tell whether all files of a release exist; their contents are verified when read."""
    return all((folder(release) / member.name).is_file() for member in release.members)


def fetch(release: Release) -> dict[str, bytes]:
    """Return the verified contents of a release's files by name, downloading them if necessary.

    Raises:
        ModelError: They could not be downloaded, or differ from what was published.
    """
    contents = _read(release)
    if contents is None:
        _download(release)
        contents = _read(release)
    if contents is None:
        raise ModelError(f"model: {release.name}: {folder(release)} was emptied while being read")
    return contents


def _read(release: Release) -> dict[str, bytes] | None:
    """Return the contents of the cached files, or None if one is missing."""
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
                f"model: {path} is damaged (its SHA-256 differs): remove it to have it downloaded "
                f"again, or run {_install_command(release)}"
            )
        contents[member.name] = data
    return contents


def _download(release: Release) -> None:
    """Download into the cache folder and install; a failure leaves nothing behind."""
    # Slow to import, and needed once in a machine's life.
    import pooch

    pooch.get_logger().setLevel(logging.ERROR)
    log.warning("downloading %s into %s", release.url, folder(release))
    progress = sys.stderr.isatty() and log.isEnabledFor(logging.WARNING)
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=cache_folder()) as scratch:
            pooch.retrieve(
                release.url,
                known_hash=f"sha256:{release.sha256}",
                fname=release.archive,
                path=scratch,
                progressbar=progress,
            )
            install(release, Path(scratch) / release.archive)
    except (OSError, ValueError) as error:  # pooch raises ValueError if the hash differs.
        raise ModelError(
            f"model: {release.name} could not be downloaded from {release.url} into "
            f"{cache_folder()}: {_root_cause(error)}; download it elsewhere, then run "
            f"{_install_command(release)}"
        ) from None


def _install_command(release: Release) -> str:
    return f"igcli models fetch {release.name} --from {release.archive}"


def _root_cause(error: BaseException) -> str:
    """Return the message of the innermost error, which is the only readable one."""
    while error.__context__ is not None:
        error = error.__context__
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:200]


def install(release: Release, archive: Path) -> Path:
    """Unpack a downloaded archive into the cache; each file is written whole or not at all.

    Args:
        release: The release that the archive should be.
        archive: The archive file.

    Returns:
        The folder that holds the files.

    Raises:
        UsageError: The archive does not exist.
        ModelError: It is a different archive, or the cache cannot be written.
    """
    try:
        with archive.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != release.sha256:
                raise ModelError(
                    f"{archive}: is not the archive that was published (its SHA-256 differs from "
                    f"{release.sha256}): download {release.url} again"
                )
            contents = {member.name: _unpack(file, member, archive) for member in release.members}
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


def _unpack(file: object, member: Member, archive: Path) -> bytes:
    """Return one file of an archive, looked up by its exact name and read up to its size limit."""
    try:
        with zipfile.ZipFile(file) as zipped, zipped.open(member.name) as packed:  # type: ignore[call-overload]
            data: bytes = packed.read(member.max_bytes + 1)
    except KeyError:
        raise ModelError(f"{archive}: has no {member.name} in it") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ModelError(f"{archive}: is not a readable zip archive: {error}") from None
    if len(data) > member.max_bytes or hashlib.sha256(data).hexdigest() != member.sha256:
        raise ModelError(f"{archive}: {member.name} in it is not the file that was published")
    return data


def write(path: Path, data: bytes) -> None:
    """Write a file through a temporary one, so that concurrent processes leave one whole file.

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
