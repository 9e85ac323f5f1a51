"""Which images are left to do, found without TensorFlow."""

import hashlib
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from igcli.config.schema import Settings
from igcli.errors import ImageError
from igcli.images.files import read_file
from igcli.outputs.folder import OutputFolder
from igcli.outputs.latest_records import RecordIndex
from igcli.pipeline.distributed.coordinator import Assignment
from igcli.pipeline.image.outcome import Outcome, Record
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.up_to_date import Files, files_of, is_up_to_date, requested_files
from igcli.records import Source
from igcli.render.options import GifOptions

READERS = 8
"""Threads that look whether images still hold what earlier runs attributed."""

BLOCK = 64
"""Images looked at at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Pending:
    """Tells images that are left to do from those that earlier runs left as they are wanted.

    Attributes:
        settings: The resolved configuration.
        panels: Whether panels are wanted.
        earlier: What is there already.
        folder: The output.
        index: The records of earlier runs.
        hashes: Of the network and of the settings.
    """

    settings: Settings
    panels: bool
    earlier: Earlier
    folder: OutputFolder
    index: RecordIndex
    hashes: Record

    def of(self, sources: Iterable[Source]) -> Generator[Assignment | Outcome]:
        """Yield what is to be handed over, and the outcomes of the rest, in order.

        Raises:
            OutputError: The output cannot be searched.
        """
        remaining = iter(sources)
        with ThreadPoolExecutor(READERS, "igcli-look") as readers:
            while block := list(islice(remaining, BLOCK)):
                yield from readers.map(self._look, block)

    def _look(self, source: Source) -> Assignment | Outcome:
        earlier = self.index.find(source.name)
        if earlier is not None and self._is_up_to_date(source, earlier):
            return Outcome(earlier, up_to_date=True)
        return Assignment(source, earlier)

    def _is_up_to_date(self, source: Source, earlier: Record) -> bool:
        try:
            hashes = {"image_sha256": self.sha256(source), **self.hashes}
            return is_up_to_date(
                earlier,
                hashes,
                lambda: self._wanted(source),
                self.folder,
                retry_failed=self.earlier.retry_failed,
            )
        except ImageError:
            return False  # A worker will find the same, and record it.

    def _wanted(self, source: Source) -> Files:
        described = self.earlier.described
        animated = (described.gif or GifOptions()).format
        files = files_of(source.name, described.panel.format, animated)
        return requested_files(files, self.settings, panels=self.panels)

    def sha256(self, source: Source) -> str:
        """Return the hash of an image's file, hexadecimal.

        Raises:
            ImageError: It cannot be read.
        """
        return hashlib.sha256(read_file(source.path, most=self.settings.max_bytes)).hexdigest()
