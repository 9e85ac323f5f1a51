"""What became of one image, as a record and a list of files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from igcli.pipeline.resume.fingerprint import REVISION
from igcli.records import Explanation, Sample, Source

if TYPE_CHECKING:  # The terminal's side reads outcomes without TensorFlow.
    from igcli.models.load import Model

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image.

    Attributes:
        record: Its line in results.jsonl.
        files: Paths of the files written, relative to the output.
        up_to_date: Whether an earlier run left nothing to do, or failed and is not to be retried.
        redone: Whether the image's content changed since an earlier run.
    """

    record: Record
    files: tuple[str, ...] = ()
    up_to_date: bool = False
    redone: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return bool(self.record["status"] == "failed")


def failed(source: Source, error: Exception, sha256: str | None) -> Outcome:
    """Return the outcome of an image that could not be attributed.

    Args:
        source: Where it lies.
        error: Why.
        sha256: Of its bytes, None where they could not be read.
    """
    reason = str(error) or type(error).__name__
    record = {"image": source.name, "source": source.shown, "status": "failed", "error": reason}
    return Outcome(record | ({"image_sha256": sha256} if sha256 else {}))


def done(
    sample: Sample, found: Sequence[Explanation], model: "Model", extra: Record, *, files: Record
) -> Outcome:
    """Return the outcome of an attributed image.

    Args:
        sample: The image.
        found: Its explanations, the main one first.
        model: The network, for labels and hash.
        extra: config_sha256, seconds, warnings, and the panels' scales where they share some.
        files: Paths of panel, gif and arrays relative to the output, None where not written.
    """
    record = {
        "image": sample.source.name,
        "source": sample.source.shown,
        "status": "ok",
        "image_sha256": sample.sha256,
        "model_sha256": model.sha256,
        "config_sha256": extra["config_sha256"],
        "revision": REVISION,
        "precision": model.precision,
        **_entry(found[0], model),
        "gradient_evaluations": sum(each.evaluations for each in found),
        "seconds": round(extra["seconds"], 3),
        **files,
        "warnings": extra["warnings"],
    }
    if sample.profile:
        record["profile"] = sample.profile
    if extra["scales"]:
        record["panel_scales"] = extra["scales"]
    if len(found) > 1:
        record["others"] = [{"method": each.method, **_entry(each, model)} for each in found[1:]]
    return Outcome(record, tuple(path for path in files.values() if path is not None))


def _entry(explanation: Explanation, model: "Model") -> Record:
    pixels = {} if explanation.pixels is None else {"pixels": explanation.pixels}
    return {
        "target": explanation.target,
        "label": model.label(explanation.target),
        **pixels,
        "score": _number(explanation.score),
        "baseline_score": _number(explanation.baseline_score),
        "attribution_sum": _number(explanation.attribution_sum),
        "completeness_error": _number(explanation.completeness_error),
    }


def _number(value: float | None) -> float | None:
    """Return seven digits, all that float32 holds, so that records do not depend on the batch."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.7g}")
