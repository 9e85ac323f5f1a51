"""What lies beside a page, made when a browser asks for it: a server writes nothing.

Of a run in a store, only what is looked at is read.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache

from igcli.errors import ImageError, OutputError
from igcli.gallery.html import to_html, url
from igcli.gallery.image_scripts import (
    ROOT,
    ImageScripts,
    frames_of,
    has_frames,
    run_facts,
    values_of,
)
from igcli.gallery.run_page import PageFiles, run_page
from igcli.gallery.scripts import encode_script
from igcli.gallery.thumbnails import FOLDER, ThumbnailMaker
from igcli.outputs.output_paths import script_name
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import Results
from igcli.outputs.run_files import PAGE_HEADER
from igcli.records import Record

CACHED = 256
"""Number of images whose thumbnails are kept: some pages of cards."""

LOCKS = 64
"""Number of images whose thumbnails can be made at the same time."""


class OnDemandFiles:
    """The page of a run and the files beside it; safe for several threads."""

    def __init__(self, results: Results, files: ResultFiles) -> None:
        """Name what lies beside the page; nothing is made yet.

        Args:
            results: The run.
            files: Reads its files.
        """
        self._results = results
        self._files = files
        self._run = run_facts(results)
        self._maker = ThumbnailMaker(files, self._run.pictures)
        records = results.records
        self._scripts = {image: _scripts_of(record) for image, record in records.items()}
        self._by_script = {
            name: records[image]
            for image, scripts in self._scripts.items()
            for name in (scripts.values, scripts.frames)
            if name
        }
        self._by_key = {self._maker.key(record): record for record in records.values()}
        # Browsers ask for all thumbnails of an image at the same time; they are made once.
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self._thumbnails_of = lru_cache(CACHED)(self._make_thumbnails)

    def page(self) -> bytes:
        """Return the page."""
        records = self._results.records
        expected = {image: self._maker.expected(record) for image, record in records.items()}
        thumbnails = {image: names for image, names in expected.items() if names is not None}
        # The panels of a run are alike: whether they can be cut is tried with the first.
        uncut = [image for image in thumbnails if not records[image].get("arrays")]
        if uncut and self._maker.pictures(records[uncut[0]]) is None:
            thumbnails = {image: thumbnails[image] for image in thumbnails.keys() - {*uncut}}
        beside = PageFiles(self._scripts, thumbnails, is_served=True)
        return PAGE_HEADER + to_html(run_page(self._results, beside)).encode("utf-8")

    def read(self, name: str) -> bytes:
        """Return a file beside the page by its name in the output.

        Raises:
            ImageError: It cannot be made.
            OutputError: There is none of this name, or what it is made from cannot be read.
        """
        if name in self._by_script:
            return self._script(name, self._by_script[name])
        base = name.removeprefix(f"{FOLDER}/")
        key = base.partition("-")[0]
        if base == name or key not in self._by_key:
            raise OutputError(f"{name!r} is not a file of the page")
        with suppress(OutputError):
            return self._files.read(name)  # It was made for the page of the output.
        with self._locks[hash(key) % LOCKS]:
            thumbnails = self._thumbnails_of(key)
        if base not in thumbnails:
            raise ImageError(f"{name!r} cannot be made")
        return thumbnails[base]

    def _script(self, name: str, record: Record) -> bytes:
        if name == self._scripts[record["image"]].frames:
            frames = frames_of(record, self._run, self._files.read)
            return encode_script(record["image"], frames)
        views = [values_of(record, self._run, self._files.read)]
        return encode_script(record["image"], {"views": views})

    def _make_thumbnails(self, key: str) -> Mapping[str, bytes]:
        return self._maker.make(self._by_key[key])


def _scripts_of(record: Record) -> ImageScripts:
    """Return the names of an image's scripts, as those that are written have."""
    image = record["image"]
    if url(image) is None:
        return ImageScripts()
    values, frames = (f"{ROOT}/{script_name(kind, image)}" for kind in ("values", "frames"))
    return ImageScripts(values, frames if has_frames(record) else None)
