"""Counts of a run, and what they say to whoever started it."""

import statistics
from array import array
from collections.abc import Mapping
from typing import Any

from igcli.pipeline.outcome import Outcome


class Summary:
    """Counts of the outcomes so far.

    Attributes:
        done: Number of attributed images, those of earlier runs among them.
        skipped: Number of those that earlier runs left as they are wanted.
        redone: Number of those whose content changed since an earlier run.
        failed: Number of failed ones, those of earlier runs among them.
        evaluations: Number of gradients taken by this run.
    """

    def __init__(self) -> None:
        self.done = 0
        self.skipped = 0
        self.redone = 0
        self.failed = 0
        self.evaluations = 0
        self._errors = array("d")

    def add(self, outcome: Outcome) -> None:
        """Count one image."""
        if outcome.failed:
            self.failed += 1
            return
        self.done += 1
        self.redone += outcome.redone
        if outcome.standing:
            self.skipped += 1
        else:
            self.evaluations += outcome.record["gradient_evaluations"]
        error = outcome.record.get("completeness_error")
        if isinstance(error, float | int):
            self._errors.append(error)

    @property
    def exit_code(self) -> int:
        """0 where every image is done, 3 where some failed."""
        return 3 if self.failed else 0

    def record(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return the summary.

        Args:
            run: What is known of the run as a whole: seconds, device, versions, hashes.
        """
        errors = self._errors
        return {
            "images": self.done + self.failed,
            "done": self.done,
            "skipped": self.skipped,
            "redone": self.redone,
            "failed": self.failed,
            "gradient_evaluations": self.evaluations,
            "completeness_error": {
                "median": statistics.median(errors) if errors else None,
                "worst": max(errors) if errors else None,
                "undefined": self.done - len(errors),
            },
            **run,
        }
