"""Output folders written by hand, as a run would write them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SUMMARY: dict[str, Any] = {
    "images": 3,
    "gradient_evaluations": 1020,
    "seconds": 20.0,
    "device": "CPU:0",
    "versions": {"igcli": "0.1.0", "tensorflow": "2.21.0"},
}
CONFIG = "model:\n  source: /nets/tiny net.keras\nmethod: integrated_gradients\nsteps: 50\n"


def ok(image: str, **changes: Any) -> dict[str, Any]:
    """Return the record of an attributed image."""
    return {
        "image": image,
        "source": f"in/{image}",
        "status": "ok",
        "image_sha256": "00",
        "target": 1,
        "label": "tabby",
        "score": 0.5,
        "baseline_score": 0.001,
        "attribution_sum": 0.49,
        "completeness_error": 0.013,
        "gradient_evaluations": 51,
        "seconds": 1.9,
        "panel": f"panels/{image}.jpg",
        "gif": None,
        "arrays": None,
        "warnings": [],
        **changes,
    }


def failed(image: str, error: str) -> dict[str, Any]:
    """Return the record of a failed image."""
    return {"image": image, "source": f"in/{image}", "status": "failed", "error": error}


def write_run(folder: Path, records: Sequence[dict[str, Any]], *, tail: bytes = b"") -> Path:
    """Write records, summary and configuration; `tail` ends the records."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    (folder / "results.jsonl").write_bytes(lines + tail)
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def write_file(folder: Path, name: str, data: bytes) -> None:
    """Write a file of any name to an output folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def picture(width: int, height: int = 8, colour: str = "teal") -> bytes:
    """Return a JPEG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(file, "JPEG")
    return file.getvalue()


def animation(width: int, height: int = 8) -> bytes:
    """Return a GIF of two frames, red and blue."""
    file = io.BytesIO()
    frames = [Image.new("RGB", (width, height), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    return file.getvalue()


def arrays(attributions: "np.ndarray[Any, np.dtype[np.float32]]") -> bytes:
    """Return an .npz file of attributions."""
    file = io.BytesIO()
    np.savez(file, attributions=attributions)
    return file.getvalue()
