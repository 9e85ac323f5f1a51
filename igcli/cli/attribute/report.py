"""What a run says: results on standard output, everything else on standard error."""

import logging
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from igcli.cli.terminal import NOTICE, Lines, say
from igcli.outputs.journal import to_json
from igcli.pipeline.image.outcome import Outcome
from igcli.records import LARGE_ERROR

PROFILES = "{} other than sRGB's ({}), which the network does not see; icc: srgb converts them"
NAMED = 3
"""Images named in the closing line; the summary names more."""


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What is to be said.

    Attributes:
        as_json: Records on standard output in place of paths.
        nul: A NUL byte after each path in place of a newline.
        quiet: Errors alone on standard error.
        icc: What the settings say of colour profiles.
    """

    as_json: bool = False
    nul: bool = False
    quiet: bool = False
    icc: str = "ignore"


class Report:
    """The terminal's side of a run: a progress bar, results as they come, the summary."""

    def __init__(self, total: int | None, output: str, wanted: ReportOptions) -> None:
        """Start the bar.

        Args:
            total: Number of images; None if it is unknown, and each is ticked off by itself.
            output: The output folder, put before the paths printed.
            wanted: What is to be said.
        """
        self._total = total
        self._output = output
        self._wanted = wanted
        # None leaves it to tqdm: no bar off a terminal, and TQDM_DISABLE holds.
        hidden = True if wanted.quiet else None
        self._bar = tqdm(total=total, unit=" images", disable=hidden, file=sys.stderr)
        self._lines = Lines(total) if self._bar.disable else None
        self._failed_before: list[str] = []
        self._failures_before = 0

    def add(self, outcome: Outcome) -> None:
        """Tell one image's result."""
        if self._total is not None:
            self.tick()
        for name in outcome.files:
            self.wrote(name)
        if outcome.up_to_date:
            self._stood(outcome)
            return
        if self._wanted.as_json:
            self._result(to_json(outcome.record).encode("ascii"), b"\n")
        if outcome.failed:
            say(f"{outcome.record['source']}: {outcome.record['error']}", logging.WARNING)
        for warning in outcome.record.get("warnings", ()):
            say(f"{outcome.record['source']}: warning: {warning}", logging.WARNING)

    def _stood(self, outcome: Outcome) -> None:
        """Keep in mind an image that failed in an earlier run and is not tried again."""
        if outcome.failed:
            self._failures_before += 1
            if len(self._failed_before) < NAMED:
                self._failed_before.append(outcome.record["source"])

    def tick(self) -> None:
        """Count an image as finished."""
        self._bar.update()
        if self._lines is not None:
            self._lines.tick()

    def wrote(self, name: str) -> None:
        """Tell of a file, unless records are told."""
        if not self._wanted.as_json:
            self._path(name)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Tell how the run ended."""
        self._bar.close()
        if self._wanted.as_json:
            self._result(to_json(summary).encode("ascii"), b"\n")
        if self._failures_before:
            names = named(self._failed_before, self._failures_before)
            say(f"failed in an earlier run: {names}; --retry-failed tries again", logging.WARNING)
        if summary.get("profiles") and self._wanted.icc == "ignore":
            say(PROFILES.format(*_profiles(summary["profiles"])), NOTICE)
        say(closing_line(summary, self._total, self._output), NOTICE)

    def stop(self, summary: Mapping[str, Any]) -> None:
        """Tell how far the run came."""
        self._bar.close()
        say(f"stopped; {closing_line(summary, self._total, self._output)}", NOTICE)

    def _path(self, name: str) -> None:
        path = os.fsencode(os.path.join(self._output, name))  # noqa: PTH118
        self._result(path, b"\0" if self._wanted.nul else b"\n")

    def _result(self, result: bytes, end: bytes) -> None:
        with tqdm.external_write_mode(file=sys.stdout):
            sys.stdout.buffer.write(result + end)
            sys.stdout.buffer.flush()


def closing_line(summary: Mapping[str, Any], total: int | None, output: str) -> str:
    """Return the summary of a run over `total` images, None for all it met, in one line."""
    errors = summary["completeness_error"]
    counts = {"skipped": "before", "redone": "redone because they changed"}
    further = [f"{summary[key]:,} {text}" for key, text in counts.items() if summary[key]]
    wanted = summary["images"] if total is None else total
    parts = [f"{summary['done']:,} of {wanted:,} images done"]
    parts[0] += f" ({', '.join(further)})" if further else ""
    if summary["failed"]:
        parts.append(f"{summary['failed']:,} failed")
    left_out = Counter(summary.get("left_out", {})) + Counter(summary.get("members_left_out", {}))
    if left_out:
        parts.append(_left_out(left_out))
    if "damaged" in summary:
        parts.append(f"images may be missing of damaged archives: {len(summary['damaged']):,}")
    if errors["median"] is not None:
        parts.append(
            f"completeness error {errors['median']:.2%} (median), {errors['worst']:.2%} (worst)"
        )
    if summary["large_errors"]:
        parts.append(f"{summary['large_errors']:,} with an error beyond {LARGE_ERROR:.0%}")
    beyond = summary["beyond_max_error"]
    if beyond and beyond["count"]:
        parts.append(_named(beyond))
    parts.append(f"{summary['seconds']:.1f} s on {summary['device']}, in {output}")
    return "; ".join(parts)


def _profiles(kinds: Mapping[str, int]) -> tuple[str, str]:
    """Return how many images have another colour profile than sRGB's, and which."""
    count = sum(kinds.values())
    return (
        f"{count:,} images have colour profiles" if count > 1 else "1 image has a colour profile"
    ), _counted(kinds)


def _left_out(kinds: Mapping[str, int]) -> str:
    """Return what was met beside the images, the most frequent kinds first."""
    return f"left out: {_counted(kinds)}"


def _counted(kinds: Mapping[str, int]) -> str:
    counts = sorted(kinds.items(), key=lambda item: (-item[1], item[0]))
    return named([f"{kind} {count:,}" for kind, count in counts], len(counts))


def _named(beyond: Mapping[str, Any]) -> str:
    """Return how many images are beyond `max_error`, and the first of their names."""
    count = beyond["count"]
    names = named(beyond["images"], count)
    return f"{count:,} beyond max_error {beyond['max_error']:g}: {names}"


def named(names: Sequence[str], count: int) -> str:
    """Return the first of `count` things: "a.jpg, b.jpg, c.jpg and 5 more"."""
    shown = names[:NAMED]
    more = f" and {count - len(shown):,} more" if count > len(shown) else ""
    return f"{', '.join(shown)}{more}"
