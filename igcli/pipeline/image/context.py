"""What all images of a run share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from igcli.config.schema import Settings
from igcli.models.load import Model
from igcli.pipeline.explain.spec import AttributionSpec
from igcli.pipeline.resume.up_to_date import Files, ResultFiles, files_of, requested_files
from igcli.records import Source
from igcli.render.text import PACKAGED, Face


class Records(Protocol):
    """The records of earlier runs, found by image."""

    def find(self, image: str) -> dict[str, Any] | None:
        """Return the last record of an image, or None."""
        ...


class Recorder(Protocol):
    """Where the records of images go."""

    def append(self, record: Mapping[str, object]) -> None:
        """Append a record."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What all images of a run share.

    Attributes:
        settings: The resolved configuration.
        config_sha256: Of what alters its results.
        model: The network.
        spec: What is asked about each.
        folder: Where files go.
        journal: Where records go.
        panels: Whether panels are wanted.
        index: The records of earlier runs.
        retry_failed: Whether images that failed then are tried again.
        gif_format: File format of the animations, also of those that earlier runs wrote.
        scales: By method, attribution that all panels show at full strength; each its own if empty.
        naming: Returns where the files of an image lie, where that is not in the output itself.
        face: The fonts of the pictures.
    """

    settings: Settings
    config_sha256: str
    model: Model
    spec: AttributionSpec
    folder: ResultFiles
    journal: Recorder
    panels: bool
    index: Records | None = None
    retry_failed: bool = False
    gif_format: str = "gif"
    scales: Mapping[str, float] = field(default_factory=dict)
    naming: Callable[[str], Files] | None = None
    face: Face = PACKAGED

    def files(self, source: Source) -> Files:
        """Return where the files of an image lie."""
        if self.naming is not None:
            return self.naming(source.name)
        return files_of(source.name, self.settings.panel.format, self.gif_format)

    def requested(self, files: Files) -> Files:
        """Return those of an image's files that this run is to write."""
        return requested_files(files, self.settings, panels=self.panels)

    def hashes(self, image_sha256: str) -> dict[str, str]:
        """Return the hashes of all that an image's results are made of."""
        return {
            "image_sha256": image_sha256,
            "model_sha256": self.model.sha256,
            "config_sha256": self.config_sha256,
        }
