"""Classifiers of torchvision and timm with seeded weights: exported to ONNX, attributed by captum.

    export NETWORK FOLDER                            writes NETWORK-WAY.onnx, NETWORK-exported.json
    attribute NETWORK FOLDER STEPS PRECISION COUNT   writes NETWORK-PRECISION.npz
    NETWORK PRECISION FOLDER                         waits for commands, as the other peers do

In the folder lies `NETWORK-images.npz`.
"""

import importlib
import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peer_workers.serving import Array, Asked, Found, Images, serve

torch: Any = importlib.import_module("torch")

SEED = 18
SPREAD = 0.1
"""Standard deviation of what is added to scales, biases and matrices of zeros: as they begin, most
of them do nothing."""

V1 = "-v1"
"""Ending of a ResNet that strides in the first convolution of a block, as Keras's do."""

TIMM = "timm-"
"""Prefix of timm's networks."""


def _torchvision() -> Any:
    """Return torchvision; its operators for detectors are declared where they are missing.

    They are where PyTorch is a CPU build and torchvision is not.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError:
        signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", signature)
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        return importlib.import_module("torchvision")


def build(name: str, images: Array) -> Any:
    """Return a network in evaluation mode.

    Args:
        name: Name of torchvision's network, or of timm's after its prefix.
        images: Float32 (N, 3, H, W), from which batch normalizations take their statistics.
    """
    torchvision = _torchvision()  # Which timm imports too.
    torch.manual_seed(SEED)
    if name.startswith(TIMM):
        network = importlib.import_module("timm").create_model(name.removeprefix(TIMM))
    else:
        options = {"init_weights": False} if name == "inception_v3" else {}
        network = getattr(torchvision.models, name.removesuffix(V1))(weights=None, **options)
    if name.endswith(V1):
        for block in network.modules():
            if isinstance(block, torchvision.models.resnet.Bottleneck):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    with torch.no_grad():
        for parameter in network.parameters():
            is_vector = max(parameter.shape, default=1) == parameter.numel()
            if is_vector or parameter.min() == parameter.max():
                parameter += SPREAD * torch.randn_like(parameter)
        norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        for norm in norms:
            norm.momentum = 1.0
        network.eval()
        for norm in norms:
            norm.train()
        network(torch.from_numpy(images))
    return network.eval()


def export(name: str, folder: Path) -> None:
    """Export a network in both ways; write why one failed."""
    inputs = _channels_first(_images(name, folder).inputs)
    network, example = build(name, inputs), (torch.from_numpy(inputs[:2]),)
    names = {"input_names": ["images"], "output_names": ["scores"]}
    ways: dict[str, dict[str, Any]] = {
        "dynamo": {"dynamo": True, "dynamic_shapes": ({0: "batch"},), "external_data": False},
        "script": {"dynamo": False, "dynamic_axes": {"images": {0: "batch"}}},
    }
    failures = {}
    for way, options in ways.items():
        path = folder / f"{name}-{way}.onnx"
        path.unlink(missing_ok=True)
        try:
            torch.onnx.export(network, example, str(path), **names, **options)
        except Exception as error:
            failures[way] = str(error).strip().splitlines()[0]
    (folder / f"{name}-exported.json").write_text(json.dumps(failures))


class Captum:
    """`IntegratedGradients` with its midpoint rule; images have their channels last outside."""

    def __init__(self, asked: Asked) -> None:
        attr: Any = importlib.import_module("captum.attr")
        inputs = _channels_first(_images(asked.network, Path(asked.folder)).inputs)
        self.network = build(asked.network, inputs).to(memory_format=torch.channels_last)
        self.network.requires_grad_(False)
        self._explainer = attr.IntegratedGradients(self._forward)
        self._evaluations = 0

    def attribute(
        self, images: Images, *, steps: int, batch_size: int, dtype: Any = torch.float32
    ) -> Found:
        self._evaluations = 0
        attributions = self._explainer.attribute(
            _tensor(images.inputs).to(dtype),
            baselines=_tensor(_baseline(images)).to(dtype),
            target=torch.from_numpy(images.targets),
            n_steps=steps,
            internal_batch_size=batch_size,
            method="riemann_middle",
        )
        return Found(attributions.detach().numpy().transpose(0, 2, 3, 1), self._evaluations)

    def scores(self, images: Images) -> tuple[Array, Array]:
        rows = np.arange(len(images.targets)), images.targets
        ends = (images.inputs, _baseline(images))
        with torch.no_grad():
            scores, baseline_scores = (self.network(_tensor(end)).numpy()[rows] for end in ends)
        return scores, baseline_scores

    def _forward(self, inputs: Any) -> Any:
        self._evaluations += len(inputs)
        return self.network(inputs.contiguous(memory_format=torch.channels_last))


def attribute(name: str, folder: Path, *, steps: int, precision: str, count: int) -> None:
    """Write the scores of all photos, the classes explained, and attributions of the first photos.

    Args:
        name: Name of the network.
        folder: Where the images are.
        steps: Of the midpoint rule; 0 for scores alone.
        precision: "float32" or "float64".
        count: Number of photos that are attributed.
    """
    images = _images(name, folder)
    captum = Captum(Asked(name, "float32", str(folder)))
    with torch.no_grad():
        scores = captum.network(_tensor(images.inputs)).numpy()
    arrays = {"scores": scores, "targets": scores.argmax(1)}
    if steps:
        dtype = getattr(torch, precision)
        captum.network.to(dtype)
        chosen = Images(images.pixels, images.inputs, images.baseline, arrays["targets"])
        result = captum.attribute(chosen.first(count), steps=steps, batch_size=10, dtype=dtype)
        arrays["attributions"] = result.attributions
    np.savez(folder / f"{name}-{precision}.npz", **arrays)


def _images(name: str, folder: Path) -> Images:
    with np.load(folder / f"{name}-images.npz") as file:
        return Images(**dict(file))


def _baseline(images: Images) -> Array:
    return np.broadcast_to(images.baseline, images.inputs.shape).astype(np.float32)


def _channels_first(images: Array) -> Array:
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _tensor(images: Array) -> Any:
    inputs = torch.from_numpy(images.transpose(0, 3, 1, 2))
    return inputs.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1] == "export":
        export(sys.argv[2], Path(sys.argv[3]))
    elif sys.argv[1] == "attribute":
        name, path, steps, precision, count = sys.argv[2:]
        attribute(name, Path(path), steps=int(steps), precision=precision, count=int(count))
    else:
        serve(Captum, ["captum", "torch"])
