"""What every kind of run shares: records, counts, the summary, and how a run ends."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from contextlib import closing
from types import TracebackType
from typing import Any, Self

from igcli.config.schema import Settings
from igcli.outputs.shards import RunLocation
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.runs.recorder import RunRecorder
from igcli.pipeline.runs.selection import Selection
from igcli.pipeline.runs.summary import EngineFacts


class AttributionRun(ABC):
    """Attributes images into an output; a context manager that writes the summary at its end.

    Subclasses differ in where images are attributed: in this process, into tar archives, or by
    Ray workers.

    Attributes:
        summary: Counts so far.
        on_image_finished: Called for each image that is finished before its outcome can be
            yielded: those of a tar archive, whose outcomes wait for the whole archive.
    """

    def __init__(self, settings: Settings, location: RunLocation, earlier: EarlierResults) -> None:
        """Open the records, and write the configuration of the results.

        Args:
            settings: The resolved configuration.
            location: Where results go.
            earlier: What earlier runs left.

        Raises:
            OutputError: The output cannot be written.
        """
        self._recorder = RunRecorder(settings, location, earlier)
        self.summary = self._recorder.summary
        self.on_image_finished: Callable[[], None] = lambda: None

    @property
    def summary_record(self) -> dict[str, Any]:
        """The summary as it was last written."""
        return self._recorder.summary_record

    def outcomes(self, images: Selection) -> Generator[Outcome]:
        """Attribute images; yield each outcome once its files and its record are written.

        Raises:
            OutputError: The output can no longer be written.
            IgcliError: A worker cannot go on.
        """
        self._recorder.begin(images, self._facts())
        with closing(self._attributed(images)) as outcomes:
            for outcome in outcomes:
                self.summary.add(outcome)
                yield outcome

    @abstractmethod
    def _attributed(self, images: Selection) -> Generator[Outcome]:
        """Attribute and record images; yield their outcomes."""

    @abstractmethod
    def _facts(self) -> EngineFacts:
        """Return what the summary says about the network and its batches."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Write the summary, whatever ended the run."""
        self._recorder.close(self._facts(), error)
