"""Thumbnails: an image and its attributions as small WebP pictures, made once.

They lie in OUTPUT/gallery/thumbnails. Their names begin with a hash of the image's record, so that
a picture which exists is up to date: nothing but the list of the folder is read to know it.
`write_thumbnails` makes those that are missing, removes those of older records, and returns the
names to link with `igcli.gallery.html.url`:

    thumbnails = write_thumbnails(results)["cats/a.jpg"]
    thumbnails.image            "gallery/thumbnails/0f3a...-image.webp"
    thumbnails.attributions     one for the main method and first target, then one for each of the
                                record's `others`, in their order; None where there is no picture

Pictures that are smaller than 160 pixels are magnified by a whole number, and none is larger than
224 pixels. An image without thumbnails is missing from the mapping: it failed, has neither arrays
nor a panel, or its panel cannot be cut.
"""

import hashlib
import logging
import re
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image

from igcli.errors import ImageError, OutputError
from igcli.gallery.pictures import (
    Pictures,
    array_keys,
    explained,
    from_arrays,
    from_panel,
    on_panel,
)
from igcli.gallery.run_settings import PictureSettings
from igcli.images.decode import decode
from igcli.images.options import Limits
from igcli.outputs.arrays import decode_arrays
from igcli.outputs.folder import OutputFolder
from igcli.outputs.journal import to_json
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import Results
from igcli.records import Pixels, Record
from igcli.render.visualize import magnification, magnified

FOLDER, SUFFIX = "gallery/thumbnails", ".webp"
SIDE = 224
"""Longer side of the largest thumbnails, in pixels."""

QUALITY, EFFORT = 80, 2
"""WebP's quality, and its effort: more makes files 2% smaller and takes twice the time."""

VERSION = 1
"""To be increased whenever the same record would give other pictures."""

LIMITS = Limits(max_pixels=1 << 26)
"""Limits of panels, which need not be those of this run."""

THREADS, STORE_THREADS = 4, 16
"""Pictures that are made at a time: they take processors, or requests to a store."""

_NAME = re.compile(r"[0-9a-f]{24}-(image|[0-9]+)\.webp")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Names in the output of the thumbnails of an image.

    Attributes:
        image: That of the image.
        attributions: Those of the main method and first target and of the record's `others`; None
            where there is no picture.
    """

    image: str
    attributions: tuple[str | None, ...]


def write_thumbnails(
    results: Results, target: OutputFolder | None = None, root: str = FOLDER
) -> Mapping[str, Thumbnails]:
    """Make the thumbnails that are missing, remove outdated ones, and return all by image.

    Args:
        results: The run.
        target: Where to write them; by default, the run's own output.
        root: Name of their folder there.

    Raises:
        OutputError: They cannot be written.
    """
    folder = target or results.folder
    existing = frozenset(folder.names(root))
    threads = STORE_THREADS if folder.is_remote else THREADS
    with (
        ResultFiles(results.folder) as files,
        ThreadPoolExecutor(threads, "igcli-thumbnails") as pool,
    ):
        maker = ThumbnailMaker(files, PictureSettings.of(results.config))

        def written(record: Record) -> Thumbnails | None:
            key = maker.key(record)
            made = {} if _image(key) in existing else maker.make(record)
            # The image comes last: where it exists, all of them do.
            for name, data in reversed(made.items()):
                folder.write(f"{root}/{name}", data)
            return _named(root, key, maker.count(record), existing | made.keys())

        try:
            made = pool.map(written, results.records.values())
            thumbnails = dict(zip(results.records, made, strict=True))
        finally:
            pool.shutdown(cancel_futures=True)
    _remove_others(folder, root, existing, thumbnails.values())
    return {image: names for image, names in thumbnails.items() if names is not None}


class ThumbnailMaker:
    """Makes the thumbnails of records; safe for several threads."""

    def __init__(self, files: ResultFiles, settings: PictureSettings) -> None:
        """Make thumbnails from the files of a run, drawn with its settings."""
        self._files = files
        self._settings = settings

    def key(self, record: Record) -> str:
        """Return how the names of a record's thumbnails begin."""
        drawn = f"{VERSION} {self._settings.method} {self._settings.panel.model_dump_json()}"
        content = f"{drawn}\n{to_json(record)}".encode()
        return hashlib.blake2b(content, digest_size=12).hexdigest()

    def count(self, record: Record) -> int:
        """Return the number of a record's methods and targets."""
        return len(explained(record, self._settings.method))

    def expected(self, record: Record) -> Thumbnails | None:
        """Return the names of the thumbnails that `make` makes of a run's output if it can."""
        arrays, panel, animation = (record.get(kind) for kind in ("arrays", "panel", "gif"))
        count = self.count(record)
        shown: frozenset[int | None] = frozenset()
        if record.get("status") != "ok":
            return None
        if isinstance(arrays, str):
            shown = frozenset([None, *range(count)])
        elif isinstance(panel, str):
            shown = on_panel(record, self._settings)
        elif isinstance(animation, str):
            shown = frozenset([None])
        key = self.key(record)
        names = {_image(key) if number is None else _attributions(key, number) for number in shown}
        return _named(FOLDER, key, count, names)

    def make(self, record: Record) -> dict[str, bytes]:
        """Return a record's thumbnails by their names, the image first; empty if there are none."""
        pictures = self.pictures(record)
        if pictures is None:
            return {}
        key = self.key(record)
        made = {_image(key): encode_thumbnail(pictures.image)}
        for number, picture in enumerate(pictures.attributions):
            if picture is not None:
                made[_attributions(key, number)] = encode_thumbnail(picture)
        return made

    def pictures(self, record: Record) -> Pictures | None:
        """Return what a record's thumbnails show, in full size; None if that cannot be read."""
        try:
            return self._read(record)
        except (ImageError, OutputError) as error:
            log.info("%s: no thumbnails: %s", record["image"], error)
            return None

    def _read(self, record: Record) -> Pictures | None:
        arrays, panel, animation = (record.get(kind) for kind in ("arrays", "panel", "gif"))
        if record.get("status") != "ok":
            return None
        if isinstance(arrays, str):
            keys = ["image", *array_keys(explained(record, self._settings.method))]
            found = decode_arrays(BytesIO(self._files.read(arrays)), arrays, keys)
            return from_arrays(found, record, self._settings)
        if isinstance(panel, str):
            drawn = decode(self._files.read(panel), LIMITS)
            return from_panel(drawn, record, self._settings)
        if isinstance(animation, str):
            return Pictures(decode(self._files.read(animation), LIMITS), ())
        return None


def encode_thumbnail(picture: Pixels) -> bytes:
    """Return `picture`, uint8 (H, W, 3), as a small WebP file; equal ones give equal bytes."""
    height, width = picture.shape[:2]
    factor = min(magnification(height, width, "auto"), max(1, SIDE // max(height, width)))
    image = Image.fromarray(np.ascontiguousarray(magnified(picture, factor)))
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    file = BytesIO()
    image.save(file, "WEBP", quality=QUALITY, method=EFFORT)
    return file.getvalue()


def _image(key: str) -> str:
    return f"{key}-image{SUFFIX}"


def _attributions(key: str, number: int) -> str:
    return f"{key}-{number}{SUFFIX}"


def _named(root: str, key: str, count: int, existing: Collection[str]) -> Thumbnails | None:
    """Return those of a record's thumbnails that exist."""
    if _image(key) not in existing:
        return None
    names = (_attributions(key, number) for number in range(count))
    return Thumbnails(
        image=f"{root}/{_image(key)}",
        attributions=tuple(f"{root}/{name}" if name in existing else None for name in names),
    )


def _remove_others(
    folder: OutputFolder,
    root: str,
    existing: Iterable[str],
    thumbnails: Iterable[Thumbnails | None],
) -> None:
    """Remove the thumbnails that no record has."""
    named = {name for names in thumbnails if names for name in (names.image, *names.attributions)}
    for name in existing:
        if _NAME.fullmatch(name) and f"{root}/{name}" not in named:
            folder.remove(f"{root}/{name}")
