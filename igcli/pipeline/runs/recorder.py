"""What a run keeps of itself, wherever its images are attributed: records, counts, a summary."""

import platform
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from importlib.metadata import version
from typing import Any

from igcli.config.dump import to_yaml
from igcli.config.schema import Settings
from igcli.errors import OutputError
from igcli.images.statistics import WalkStatistics
from igcli.outputs import run_files
from igcli.outputs.journal import join
from igcli.outputs.shards import RunLocation
from igcli.pipeline.explain.target_file import RowMatcher
from igcli.pipeline.resume.earlier import Earlier, index_of
from igcli.pipeline.resume.fingerprint import config_sha256
from igcli.pipeline.runs.selection import Selection
from igcli.pipeline.runs.summary import NAMED, Summary


class RunRecorder:
    """The books of a run, opened before its first image and closed after its last.

    Attributes:
        summary: Counts so far.
        index: The records of earlier runs.
        config_sha256: Of what alters the run's results.
        members: Counts what archives hold beside images, where the images lie in some.
        record: The summary as it was last written.
    """

    def __init__(self, settings: Settings, place: RunLocation, earlier: Earlier) -> None:
        """Find the records, and describe the results that will be there.

        Args:
            settings: The resolved configuration.
            place: Where results go.
            earlier: What is there already.

        Raises:
            OutputError: Nothing can be read or written.
        """
        self.summary = Summary(settings.max_error)
        self.record: dict[str, Any] = {}
        self.config_sha256 = config_sha256(settings)
        self._records = place.records
        self._started = time.perf_counter()
        self._wanted: dict[str, Any] = {"total": 0}
        self._rows: RowMatcher | None = None
        self.members = WalkStatistics()
        join(self._records)
        self.index = index_of(place)
        if not earlier.is_described:
            run_files.write_config(place.folder, to_yaml(earlier.described))
        if place.shard is not None:
            place.folder.remove(run_files.SUMMARY)  # of what was merged before: no longer all

    def begin(self, images: Selection, engine: Mapping[str, Any]) -> None:
        """Write a first summary: whoever looks after a kill learns how many images are wanted.

        Args:
            images: Those of the run.
            engine: What is known of what attributes them.

        Raises:
            OutputError: It cannot be written.
        """
        if images.archives:
            self._wanted = {"total": None, "archives": images.total}
        else:
            self._wanted = {"total": images.total}
        if images.left_out:
            self._wanted["left_out"] = dict(images.left_out)
        self._rows = images.rows
        if images.shard is not None:
            self._wanted["shard"] = str(images.shard)
            self._wanted["limit"] = images.limit
            if not images.archives:
                self._wanted["totals"] = list(images.totals)
        self._write(engine, finished=False)

    def close(self, engine: Mapping[str, Any], error: BaseException | None) -> None:
        """Write the summary, whatever ended the run; what ended it is not covered up.

        Raises:
            OutputError: It cannot be written, and that is news.
        """
        with self.index, suppress(OutputError) if isinstance(error, OutputError) else nullcontext():
            self._write(engine, finished=error is None)

    def _write(self, engine: Mapping[str, Any], *, finished: bool) -> None:
        run = {
            "finished": finished,
            **self._wanted,
            **self._missed(),
            "seconds": round(time.perf_counter() - self._started, 3),
            **engine,
            "config_sha256": self.config_sha256,
            "versions": _versions(),
        }
        self.record = self.summary.record(run)
        run_files.write_summary(self._records, self.record)

    def _missed(self) -> dict[str, Any]:
        """Return what archives hold beside images, and the targets that are for no image."""
        found: dict[str, Any] = {}
        if left_out := self.members.left_out:
            found["members_left_out"] = left_out
        rows = [] if self._rows is None else self._rows.unmatched
        if rows:
            paths = [row.path for row in rows[:NAMED]]
            found["targets_without_image"] = {"count": len(rows), "paths": paths}
        return found


def _versions() -> dict[str, str]:
    packages = ("igcli", "tensorflow", "keras", "numpy", "pillow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
