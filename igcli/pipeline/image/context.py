"""What the images of a run share, and what one image carries on its way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from igcli.config.schema import Settings
from igcli.models.load import Model
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.resume.up_to_date import Files, ResultFiles, files_of, requested_files
from igcli.records import Explanation, Pixels, Record, Source
from igcli.render.text import PACKAGED, Face

NOT_DECODED: Pixels = np.empty((0, 0, 3), np.uint8)


class EarlierRecords(Protocol):
    """The records of earlier runs, by image."""

    def find(self, image: str) -> Record | None:
        """Return the last record of an image, or None."""
        ...


class RecordWriter(Protocol):
    """Where the records of images go."""

    def append(self, record: Record) -> None:
        """Append a record."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What the images of a run share.

    Attributes:
        settings: The resolved configuration.
        config_sha256: Hash of the settings that change results.
        model: The network.
        spec: The attribution settings, resolved for the network.
        folder: Where files go.
        journal: Where records go.
        panels: Whether the run draws panels.
        index: The records of earlier runs.
        retry_failed: Whether to retry images that failed in an earlier run.
        gif_format: File format of animations, including those of earlier runs.
        scales: Shared scale of the panels by method: the attribution shown at full strength.
            Panels of other methods have a scale each.
        naming: Returns the names of an image's files where the output's usual names do not apply.
        face: The fonts of the pictures.
    """

    settings: Settings
    config_sha256: str
    model: Model
    spec: AttributionSpec
    folder: ResultFiles
    journal: RecordWriter
    panels: bool
    index: EarlierRecords | None = None
    retry_failed: bool = False
    gif_format: str = "gif"
    scales: Mapping[str, float] = field(default_factory=dict)
    naming: Callable[[str], Files] | None = None
    face: Face = PACKAGED

    def files(self, source: Source) -> Files:
        """Return the names of all files that an image can have."""
        if self.naming is not None:
            return self.naming(source.name)
        return files_of(source.name, self.settings.panel.format, self.gif_format)

    def requested(self, files: Files) -> Files:
        """Return those of an image's files that this run writes."""
        return requested_files(files, self.settings, panels=self.panels)

    def hashes(self, image_sha256: str) -> dict[str, str]:
        """Return the hashes of everything that determines an image's results."""
        return {
            "image_sha256": image_sha256,
            "model_sha256": self.model.sha256,
            "config_sha256": self.config_sha256,
        }


@dataclass(frozen=True, slots=True, eq=False)
class ImageInProgress:
    """One image on its way from its file to its record; each step fills in what it found.

    Attributes:
        source: Where the image comes from.
        started: When its work began, on the clock of `time.perf_counter`.
        earlier: Its record in an earlier run.
        data: The bytes of its file, until they are decoded.
        sha256: Hash of these bytes, hexadecimal; empty until they are read.
        files: The names of all files that it can have.
        pixels: uint8 (H, W, 3) or (H, W, 1), 0...255, fitted to the network.
        profile: Name of its colour profile if that is not sRGB, else empty.
        explanations: Its explanations, the main one first.
    """

    source: Source
    started: float
    earlier: Record | None = None
    data: bytes = field(default=b"", repr=False)
    sha256: str = ""
    files: Files = field(default_factory=dict)
    pixels: Pixels = field(default_factory=lambda: NOT_DECODED, repr=False)
    profile: str = ""
    explanations: tuple[Explanation, ...] = field(default=(), repr=False)
