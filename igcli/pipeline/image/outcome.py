"""The outcome of one image: its record, and the files written. Needs no TensorFlow."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from igcli.pipeline.resume.fingerprint import REVISION
from igcli.records import Entry, Explanation, Record, Scores, Source

if TYPE_CHECKING:  # The command line and the Ray driver read outcomes without TensorFlow.
    from igcli.models.load import Model
    from igcli.pipeline.image.context import Context, ImageInProgress


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one image.

    Attributes:
        record: Its record in results.jsonl.
        files: Paths of the files written, relative to the output.
        up_to_date: Whether an earlier run left nothing to do: the image is done, or it failed and
            is not retried.
        redone: Whether the image's content changed since an earlier run.
    """

    record: Record
    files: tuple[str, ...] = ()
    up_to_date: bool = False
    redone: bool = False

    @property
    def failed(self) -> bool:
        """Whether the image has no result."""
        return self.record["status"] == "failed"


def failed(source: Source, error: Exception, sha256: str) -> Outcome:
    """Return the outcome of an image that could not be attributed.

    Args:
        source: Where the image comes from.
        error: Why it failed.
        sha256: Hash of its bytes; empty if they could not be read.
    """
    record: Record = {
        "image": source.name,
        "source": source.shown,
        "status": "failed",
        "error": str(error) or type(error).__name__,
    }
    if sha256:
        record["image_sha256"] = sha256
    return Outcome(record)


def attributed(image: "ImageInProgress", context: "Context", *, warnings: Sequence[str]) -> Outcome:
    """Return the outcome of an image whose files are written.

    Args:
        image: The image, with its explanations.
        context: What the images of the run share.
        warnings: One line each.
    """
    model, [main, *others] = context.model, image.explanations
    files = context.requested(image.files)
    fields = {
        "image": image.source.name,
        "source": image.source.shown,
        "status": "ok",
        "image_sha256": image.sha256,
        "model_sha256": model.sha256,
        "config_sha256": context.config_sha256,
        "revision": REVISION,
        "precision": model.precision,
        **_scores(main, model),
        "gradient_evaluations": sum(part.evaluations for part in image.explanations),
        "seconds": round(time.perf_counter() - image.started, 3),
        "panel": files.get("panel"),
        "gif": files.get("gif"),
        "arrays": files.get("arrays"),
        "warnings": list(warnings),
    }
    record = cast(Record, fields)
    if image.profile:
        record["profile"] = image.profile
    if context.scales and "panel" in files:
        record["panel_scales"] = dict(context.scales)
    if others:
        record["others"] = [_entry(other, model) for other in others]
    return Outcome(record, tuple(files.values()))


def _entry(explanation: Explanation, model: "Model") -> Entry:
    return {"method": explanation.method, **_scores(explanation, model)}


def _scores(explanation: Explanation, model: "Model") -> Scores:
    scores = {"target": explanation.target, "label": model.label(explanation.target)}
    if explanation.pixels is not None:
        scores["pixels"] = explanation.pixels
    figures = {
        "score": explanation.score,
        "baseline_score": explanation.baseline_score,
        "attribution_sum": explanation.attribution_sum,
        "completeness_error": explanation.completeness_error,
    }
    return cast(Scores, scores | {name: _rounded(value) for name, value in figures.items()})


def _rounded(value: float | None) -> float | None:
    """Return seven digits, all that float32 holds, so that records do not depend on the batch."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.7g}")
