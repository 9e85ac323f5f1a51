"""What every kind of run shares: its images, records, counts and summary, and how it ends."""

import platform
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

from igcli.config.dump import to_yaml
from igcli.config.schema import Settings
from igcli.errors import OutputError
from igcli.images.walk_statistics import WalkStatistics
from igcli.outputs import run_files
from igcli.outputs.journal import join
from igcli.outputs.shards import RunLocation, Shard
from igcli.pipeline.explain.target_file import RowMatcher
from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.resume.earlier import EarlierResults, open_index
from igcli.pipeline.resume.fingerprint import config_sha256
from igcli.pipeline.runs.summary import MAX_NAMED, EngineFacts, Summary
from igcli.records import Source


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """The images of a run; can be iterated over several times.

    Attributes:
        whole: All images that the user named.
        totals: Number of images of each shard; one number if the run is not split.
        shard: The shard whose images these are; None for all.
        limit: Maximum number of images in `whole`; None for no limit.
        archives: Whether the sources are tar archives, each with any number of images.
        left_out: Number of other files found beside the images, by kind: {".docx": 1}.
        rows: The rows of a file of targets, and which of them match an image.
    """

    whole: Iterable[Source]
    totals: Sequence[int]
    shard: Shard | None = None
    limit: int | None = None
    archives: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict)
    rows: RowMatcher | None = None

    @property
    def total(self) -> int:
        """Number of images, or of archives."""
        return self.totals[0 if self.shard is None else self.shard.number - 1]

    def __iter__(self) -> Iterator[Source]:
        if self.shard is None:
            yield from self.whole
            return
        yield from (source for source in self.whole if self.shard.owns(source.name))


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


class RunRecorder:
    """Opened before the first image of a run and closed after its last one.

    Attributes:
        summary: Counts so far.
        index: The records of earlier runs.
        config_sha256: Hash of the settings that change results.
        members: Counts members of archives that are not images, for runs over archives.
        summary_record: The summary as it was last written.
    """

    def __init__(self, settings: Settings, location: RunLocation, earlier: EarlierResults) -> None:
        """Open the index, and write the configuration of the results.

        Args:
            settings: The resolved configuration.
            location: Where results go.
            earlier: What earlier runs left.

        Raises:
            OutputError: The output cannot be read or written.
        """
        self.summary = Summary(settings.max_error)
        self.summary_record: dict[str, Any] = {}
        self.config_sha256 = config_sha256(settings)
        self.members = WalkStatistics()
        self._records = location.records
        self._started = time.perf_counter()
        self._input: dict[str, Any] = {"total": 0}
        self._rows: RowMatcher | None = None
        join(self._records)
        self.index = open_index(location)
        if not earlier.is_config_written:
            run_files.write_config(location.folder, to_yaml(earlier.config))
        if location.shard is not None:
            # The summary of an earlier merge no longer covers all shards.
            location.folder.remove(run_files.SUMMARY)

    def begin(self, images: Selection, engine: EngineFacts) -> None:
        """Write a first summary, so that the number of images is known after a kill.

        Args:
            images: The images of the run.
            engine: What is known about the network and what runs it.

        Raises:
            OutputError: The summary cannot be written.
        """
        if images.archives:
            self._input = {"total": None, "archives": images.total}
        else:
            self._input = {"total": images.total}
        if images.left_out:
            self._input["left_out"] = dict(images.left_out)
        self._rows = images.rows
        if images.shard is not None:
            self._input["shard"] = str(images.shard)
            self._input["limit"] = images.limit
            if not images.archives:
                self._input["totals"] = list(images.totals)
        self._write(engine, finished=False)

    def close(self, engine: EngineFacts, error: BaseException | None) -> None:
        """Write the summary and close the index.

        Args:
            engine: What is known about the network and what runs it.
            error: What ended the run early; it must not be hidden by an error of the output.

        Raises:
            OutputError: The summary cannot be written, and `error` is no such error.
        """
        with self.index, suppress(OutputError) if isinstance(error, OutputError) else nullcontext():
            self._write(engine, finished=error is None)

    def _write(self, engine: EngineFacts, *, finished: bool) -> None:
        run = {
            "finished": finished,
            **self._input,
            **self._unused(),
            "seconds": round(time.perf_counter() - self._started, 3),
            **engine,
            "config_sha256": self.config_sha256,
            "versions": _versions(),
        }
        self.summary_record = self.summary.record(run)
        run_files.write_summary(self._records, self.summary_record)

    def _unused(self) -> dict[str, Any]:
        """Return members of archives that are not images, and targets without an image."""
        unused: dict[str, Any] = {}
        if left_out := self.members.left_out:
            unused["members_left_out"] = left_out
        rows = [] if self._rows is None else self._rows.unmatched
        if rows:
            paths = [row.path for row in rows[:MAX_NAMED]]
            unused["targets_without_image"] = {"count": len(rows), "paths": paths}
        return unused


def _versions() -> dict[str, str]:
    packages = ("igcli", "tensorflow", "keras", "numpy", "pillow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
