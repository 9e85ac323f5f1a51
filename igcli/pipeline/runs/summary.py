"""The counts of a run, its exit code and its summary."""

from array import array
from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from igcli.errors import FINDINGS
from igcli.pipeline.image.outcome import Outcome
from igcli.records import LARGE_ERROR

OTHERS = "others"

MAX_NAMED = 1000
"""Maximum number of images named in the summary; the records state the others."""


class EngineFacts(TypedDict, total=False):
    """What the summary says about the network and what runs it.

    Attributes:
        device: Name of the device.
        precision: Arithmetic of the network.
        batch_size: Gradient evaluations at a time.
        model_sha256: Hash of the network.
        workers: Number of Ray workers.
    """

    device: str
    precision: str
    batch_size: int
    model_sha256: str
    workers: int


class Summary:
    """Counts of the outcomes so far.

    Attributes:
        done: Number of images with a result, including those of earlier runs.
        skipped: Number of these that were up to date.
        redone: Number of these whose content changed since an earlier run.
        failed: Number of failed images, including those of earlier runs.
        evaluations: Number of gradients evaluated by this run.
        beyond: Number of images whose completeness error is above `max_error`.
        large: Number of images whose completeness error is large enough for a warning.
        damaged: Number of damaged archives, of which images may be missing.
        profiles: Number of images with a colour profile other than sRGB, by profile.
    """

    def __init__(self, max_error: float | None = None) -> None:
        """Start at zero.

        Args:
            max_error: Maximum completeness error; None for no limit. Undefined errors are counted
                separately.
        """
        self.done = 0
        self.skipped = 0
        self.redone = 0
        self.failed = 0
        self.evaluations = 0
        self.beyond = 0
        self.large = 0
        self.damaged = 0
        self.profiles: Counter[str] = Counter()
        self._max_error = max_error
        self._beyond: list[str] = []
        self._errors = array("d")
        self._reasons: dict[str, str] = {}

    def add(self, outcome: Outcome) -> None:
        """Count one image."""
        if outcome.failed:
            self.failed += 1
            return
        self.done += 1
        self.redone += outcome.redone
        if outcome.up_to_date:
            self.skipped += 1
        else:
            self.evaluations += outcome.record["gradient_evaluations"]
        if isinstance(profile := outcome.record.get("profile"), str):
            self.profiles[profile if self._is_known(profile) else OTHERS] += 1
        error = outcome.record.get("completeness_error")
        if isinstance(error, float | int):
            self._errors.append(error)
            self.large += error > LARGE_ERROR
            if self._max_error is not None and error > self._max_error:
                self.beyond += 1
                self._beyond += [outcome.record["image"]] if self.beyond <= MAX_NAMED else []

    def _is_known(self, profile: str) -> bool:
        return profile in self.profiles or len(self.profiles) < MAX_NAMED

    def damage(self, archive: str, reason: str) -> None:
        """Count an archive that is damaged, so that images may be missing."""
        self.damaged += 1
        if self.damaged <= MAX_NAMED:
            self._reasons[archive] = reason

    @property
    def exit_code(self) -> int:
        """0 if every image is done; 3 if some failed, are missing or exceed `max_error`."""
        return FINDINGS if self.failed or self.beyond or self.damaged else 0

    def record(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Return the summary.

        Args:
            run: What is known about the run as a whole: seconds, device, versions, hashes.
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
                "median": float(np.median(errors)) if errors else None,
                "worst": max(errors) if errors else None,
                "undefined": self.done - len(errors),
            },
            "large_errors": self.large,
            "beyond_max_error": None
            if self._max_error is None
            else {"max_error": self._max_error, "count": self.beyond, "images": self._beyond},
            **({"profiles": dict(self.profiles)} if self.profiles else {}),
            **({"damaged": self._reasons} if self.damaged else {}),
            **run,
        }
