"""The output of a run: results on standard output, messages and progress on standard error."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from igcli.cli.terminal import NOTICE, ProgressLines, say
from igcli.outputs.journal import to_json
from igcli.pipeline.image.outcome import Outcome
from igcli.records import LARGE_ERROR

PROFILES = "{} other than sRGB ({}), which is ignored; --icc srgb converts the colours"
MAX_NAMES = 3
"""Maximum number of images that a line names; the summary names more."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What to print.

    Attributes:
        as_json: Print records to standard output, not paths.
        nul: End each path with a NUL byte, not a newline.
        quiet: Print only errors to standard error.
        icc: The setting for colour profiles.
        results: Whether to print results at all.
    """

    as_json: bool = False
    nul: bool = False
    quiet: bool = False
    icc: str = "ignore"
    results: bool = True


class Report:
    """Prints a run: a progress bar, each result as it comes, and the summary."""

    def __init__(self, total: int | None, output: str, options: ReportOptions) -> None:
        """Start the progress bar.

        Args:
            total: Number of images. None if unknown: the run then calls `tick` for every image.
            output: The output folder, which is put before the printed paths.
            options: What to print.
        """
        self._total = total
        self._output = output
        self._options = options
        # None leaves it to tqdm: no bar outside a terminal, and TQDM_DISABLE works.
        disable = True if options.quiet else None
        self._bar = tqdm(total=total, unit=" images", disable=disable, file=sys.stderr)
        self._lines = ProgressLines(total) if self._bar.disable else None
        self._earlier_failures: list[str] = []
        self._earlier_failure_count = 0

    def add(self, outcome: Outcome) -> None:
        """Print the result of one image."""
        if self._total is not None:
            self.tick()
        for name in outcome.files:
            self.print_file(name)
        if outcome.up_to_date:
            self._note_earlier_failure(outcome)
            return
        if self._options.as_json:
            self._print(to_json(outcome.record).encode("ascii"), b"\n")
        if outcome.failed:
            say(f"{outcome.record['source']}: {outcome.record['error']}", logging.WARNING)
        for warning in outcome.record.get("warnings", ()):
            say(f"{outcome.record['source']}: warning: {warning}", logging.WARNING)

    def _note_earlier_failure(self, outcome: Outcome) -> None:
        """Remember an image that failed in an earlier run and is not tried again."""
        if outcome.failed:
            self._earlier_failure_count += 1
            if len(self._earlier_failures) < MAX_NAMES:
                self._earlier_failures.append(outcome.record["source"])

    def tick(self) -> None:
        """Count one image as finished."""
        self._bar.update()
        if self._lines is not None:
            self._lines.tick()

    def print_file(self, name: str) -> None:
        """Print the path of a written file, unless records are printed instead."""
        if self._options.results and not self._options.as_json:
            path = os.fsencode(os.path.join(self._output, name))  # noqa: PTH118
            self._print(path, b"\0" if self._options.nul else b"\n")

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Print the summary of a run that has ended."""
        self._bar.close()
        if self._options.as_json:
            self._print(to_json(summary).encode("ascii"), b"\n")
        if self._earlier_failure_count:
            names = join_names(self._earlier_failures, self._earlier_failure_count)
            say(f"failed in an earlier run: {names}; --retry-failed tries again", logging.WARNING)
        if summary.get("profiles") and self._options.icc == "ignore":
            say(PROFILES.format(*_profiles(summary["profiles"])), NOTICE)
        say(closing_line(summary, self._total, self._output), NOTICE)

    def stop(self, summary: Mapping[str, Any]) -> None:
        """Print the summary of a run that was interrupted."""
        self._bar.close()
        say(f"stopped; {closing_line(summary, self._total, self._output)}", NOTICE)

    def _print(self, result: bytes, end: bytes) -> None:
        with tqdm.external_write_mode(file=sys.stdout):
            sys.stdout.buffer.write(result + end)
            sys.stdout.buffer.flush()


def closing_line(summary: Mapping[str, Any], total: int | None, output: str) -> str:
    """Return the summary of a run in one line.

    Args:
        summary: The summary, as in summary.json.
        total: Number of images; None for those that the summary counts.
        output: The output folder.
    """
    notes = {"skipped": "already done", "redone": "redone because they changed"}
    details = [f"{summary[key]:,} {text}" for key, text in notes.items() if summary[key]]
    image_count = summary["images"] if total is None else total
    parts = [f"{summary['done']:,} of {image_count:,} images done"]
    parts[0] += f" ({', '.join(details)})" if details else ""
    if summary["failed"]:
        parts.append(f"{summary['failed']:,} failed")
    left_out = Counter(summary.get("left_out", {})) + Counter(summary.get("members_left_out", {}))
    if left_out:
        parts.append(f"left out: {_join_counts(left_out)}")
    if "damaged" in summary:
        parts.append(f"images may be missing from damaged archives: {len(summary['damaged']):,}")
    errors = summary["completeness_error"]
    if errors["median"] is not None:
        parts.append(
            f"completeness error {errors['median']:.2%} (median), {errors['worst']:.2%} (worst)"
        )
    if summary["large_errors"]:
        parts.append(f"{summary['large_errors']:,} with an error above {LARGE_ERROR:.0%}")
    beyond = summary["beyond_max_error"]
    if beyond and beyond["count"]:
        names = join_names(beyond["images"], beyond["count"])
        parts.append(f"{beyond['count']:,} above max_error {beyond['max_error']:g}: {names}")
    parts.append(f"{summary['seconds']:.1f} s on {summary['device']}, in {output}")
    return "; ".join(parts)


def join_names(names: Sequence[str], count: int) -> str:
    """Return the first of `count` names: "a.jpg, b.jpg, c.jpg and 5 more"."""
    shown = names[:MAX_NAMES]
    more = f" and {count - len(shown):,} more" if count > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def _profiles(kinds: Mapping[str, int]) -> tuple[str, str]:
    """Return how many images have a colour profile other than sRGB, and which."""
    count = sum(kinds.values())
    subject = (
        f"{count:,} images have a colour profile" if count > 1 else "1 image has a colour profile"
    )
    return subject, _join_counts(kinds)


def _join_counts(counts: Mapping[str, int]) -> str:
    """Return counts by kind, the most frequent first: ".txt 5, .docx 1"."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return join_names([f"{kind} {count:,}" for kind, count in ordered], len(ordered))
