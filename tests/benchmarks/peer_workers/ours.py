"""igcli, as a user with arrays calls it."""

from pathlib import Path
from typing import Any, cast

import numpy as np
from benchmarks.peer_workers.serving import Array, Asked, Found, Images, serve

import igcli
from igcli.models.options import Precision


def options(path: Path) -> dict[str, Any]:
    """Return how a network that was prepared is loaded, given its file without the ending."""
    if path.name == "inception_v1":
        ends = {"input": "input:0", "output": "softmax2:0"}
        return {"source": f"{path}.pb", "preprocess": {"mean": 117.0}, **ends}
    if path.name.startswith("keras:"):
        return {"source": path.name, "weights": "random"}
    if path.with_name(f"{path.name}.onnx").exists():
        return {"source": f"{path}.onnx", "preprocess": "torch"}
    return {"source": f"{path}.keras", "preprocess": "tf"}


class Ours:
    """`igcli.attribute` of a loaded model."""

    def __init__(self, asked: Asked) -> None:
        path = Path(asked.folder, asked.network)
        precision = cast(Precision, asked.precision)
        self._model = igcli.load_model(**options(path), precision=precision)

    def attribute(self, images: Images, *, steps: Any, batch_size: int) -> Found:
        given = {"target": images.targets, "steps": steps, "batch_size": batch_size}
        found = igcli.attribute(self._model, images.pixels, **given)
        return Found(found.attributions, sum(each.evaluations for each in found.explanations))

    def scores(self, images: Images) -> tuple[Array, Array]:
        predict = self._model.network.predict
        rows = np.arange(len(images.targets)), images.targets
        return predict(images.pixels)[rows], predict(np.zeros_like(images.pixels))[rows]


if __name__ == "__main__":
    serve(Ours, ["igcli", "tensorflow", "keras"])
