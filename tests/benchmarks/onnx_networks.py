"""Classifiers of torchvision and timm through ONNX: scores, attributions, operators and speed.

Each network has seeded weights and is exported by PyTorch's two exporters. Scores are compared with
those of ONNX Runtime and PyTorch, attributions with captum's on the PyTorch module (same photos,
black baseline and midpoint rule), as the largest difference, or its L2 norm, over that of the other
side. captum's own difference between float32 and float64 says how far rounding alone goes: the
gradient of a ReLU jumps where its input is zero. Speeds are measured in turns.

    python tests/benchmarks/onnx_networks.py photo1.jpg photo2.jpg --speed

The first run installs PyTorch, torchvision, timm and captum in an environment of their own.
"""

import json
import os
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import platformdirs
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.peer_workers.client import Worker
from benchmarks.peer_workers.environments import NotInstalledError, Peer, python_for

import igcli
from igcli.errors import ModelError

TESTS = Path(__file__).parents[1]
PEER = Peer(
    "torch_classifiers",
    ("torch==2.13.0", "torchvision==0.28.0", "captum==0.9.*", "timm==1.*", "onnx", "onnxscript"),
)
TORCHVISION = (
    *("resnet50", "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny", "densenet121"),
    *("inception_v3", "vit_b_16", "swin_t", "regnet_y_400mf"),
)
TIMM = (
    *("mobilenetv4_conv_small", "efficientnetv2_rw_t", "convnextv2_atto", "coatnet_0_rw_224"),
    *("maxvit_rmlp_pico_rw_256", "regnetx_004", "resnext50_32x4d", "deit_tiny_patch16_224"),
    *("swinv2_tiny_window8_256", "mixer_s32_224", "ghostnet_100", "hrnet_w18_small"),
    *("dm_nfnet_f0", "eva02_tiny_patch14_224"),
)
SIDES = {
    "inception_v3": 299,
    "timm-swinv2_tiny_window8_256": 256,
    "timm-maxvit_rmlp_pico_rw_256": 256,
}
SIDE = 224
STEPS = 20
WAYS = ("dynamo", "script")
SPEED_STEPS = 50
SPEED_BATCH = 25
ENVIRONMENT = os.environ | {"PYTHONPATH": str(TESTS), "TF_CPP_MIN_LOG_LEVEL": "3"}

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)


@dataclass(frozen=True)
class Settings:
    """What is compared.

    Attributes:
        steps: Of the midpoint rule; 0 for scores alone.
        keep: Whether to use what an earlier run with these photos left.
        rounding: Whether captum computes in float64 too.
    """

    steps: int
    keep: bool
    rounding: bool


class Bench:
    """The environment of PyTorch, and the folder of the networks."""

    def __init__(self, work: Path, photos: Sequence[Path]) -> None:
        """Make the environment."""
        try:
            self.python = python_for(PEER, work)
        except NotInstalledError as error:
            raise click.ClickException(str(error)) from error
        self.folder = work / "onnx-networks"
        self.folder.mkdir(exist_ok=True)
        self._photos = photos

    def write_images(self, name: str, targets: Any = None) -> dict[str, Any]:
        """Write the photos in a network's size, as pixels and preprocessed."""
        side = SIDES.get(name, SIDE)
        opened = [Image.open(path).convert("RGB").resize((side, side)) for path in self._photos]
        pixels = np.stack([np.asarray(image, np.float32) for image in opened])
        arrays: dict[str, Any] = {
            "pixels": pixels,
            "inputs": (pixels - MEAN) / DEVIATION,
            "baseline": -MEAN / DEVIATION,
            "targets": np.zeros(len(pixels), np.int64) if targets is None else targets,
        }
        np.savez(self.folder / f"{name}-images.npz", **arrays)
        return arrays

    def command(self, *arguments: str) -> None:
        """Run a command of PyTorch's side.

        Raises:
            ClickException: It failed.
        """
        name = "benchmarks.peer_workers.torch_classifiers"
        command = [str(self.python), "-m", name, *arguments]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{arguments}: {done.stderr.strip().splitlines()[-1]}")


def relative(ours: Any, theirs: Any) -> float:
    """Return the largest difference over the largest value."""
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def relative_norms(ours: Any, theirs: Any) -> str:
    """Return the norms of the differences over those of `theirs`, image by image."""
    pairs = zip(ours.astype(np.float64), theirs.astype(np.float64), strict=True)
    return ", ".join(f"{np.linalg.norm(a - b) / np.linalg.norm(b):.1e}" for a, b in pairs)


def operators_of(path: Path) -> Counter[str]:
    """Return the operators of a file, with how often they occur, functions inlined."""
    import onnx
    from onnx import inliner

    graph = inliner.inline_local_functions(onnx.load(path)).graph
    return Counter(node.op_type for node in graph.node)


def runtime_scores(path: Path, inputs: Any) -> Any:
    """Return ONNX Runtime's scores, image by image."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    images = inputs.transpose(0, 3, 1, 2)
    rows = [session.run(None, {"images": images[i : i + 1]})[0] for i in range(len(images))]
    return np.concatenate(rows)


def compare(bench: Bench, name: str, settings: Settings, known: Counter[str]) -> None:
    """Print the rows of a network; count the networks that each operator occurs in."""
    arrays = bench.write_images(name)
    if not (settings.keep and (bench.folder / f"{name}-exported.json").exists()):
        bench.command("export", name, str(bench.folder))
    failures = json.loads((bench.folder / f"{name}-exported.json").read_text())
    steps = 0 if name.startswith("timm-") else settings.steps
    theirs = _captum(bench, name, settings, steps, "float32", len(arrays["pixels"]))
    exact = (
        _captum(bench, name, settings, steps, "float64", 1) if steps and settings.rounding else None
    )
    used: set[str] = set()
    for way in WAYS:
        if way in failures:
            print(f"| {name} | {way} | not exported: {failures[way]} ||||||", flush=True)
            continue
        path = bench.folder / f"{name}-{way}.onnx"
        used |= set(operators_of(path))
        try:
            model = igcli.load_model(str(path), preprocess="torch")
            scores = model.network.predict(arrays["pixels"])
        except ModelError as error:
            print(f"| {name} | {way} | refused: {error} ||||||", flush=True)
            continue
        row = [
            f"{relative(scores, runtime_scores(path, arrays['inputs'])):.1e}",
            f"{relative(scores, theirs['scores']):.1e}",
        ]
        if steps:
            ours = igcli.attribute(
                model, arrays["pixels"], target=theirs["targets"], steps=steps, rule="midpoint"
            ).attributions
            row.append(relative_norms(ours, theirs["attributions"]))
            if exact is not None:
                row.append(relative_norms(ours[:1], exact["attributions"]))
                row.append(relative_norms(theirs["attributions"][:1], exact["attributions"]))
        print(f"| {name} | {way} | {' | '.join(row)} |", flush=True)
    known.update(used)


def _captum(
    bench: Bench, name: str, settings: Settings, steps: int, precision: str, count: int
) -> dict[str, Any]:
    path = bench.folder / f"{name}-{precision}.npz"
    if not (settings.keep and path.exists()):
        bench.command("attribute", name, str(bench.folder), str(steps), precision, str(count))
    with np.load(path) as file:
        return dict(file)


def measure_speed(bench: Bench, rounds: int, *, keep: bool) -> None:
    """Print gradients per second of ResNet-50: ONNX and Keras by igcli, PyTorch by captum."""
    name = "resnet50"
    for variant in (name, f"{name}-v1"):
        images = bench.write_images(variant)
        if not (keep and (bench.folder / f"{variant}-dynamo.onnx").exists()):
            bench.command("export", variant, str(bench.folder))
    rates: dict[str, list[float]] = {}
    ours, theirs = Path(sys.executable), bench.python
    subjects = {
        "igcli, ONNX": (ours, ("ours", f"{name}-dynamo", "float32")),
        "igcli, ONNX, with Keras's strides": (ours, ("ours", f"{name}-v1-dynamo", "float32")),
        "igcli, keras:ResNet50": (ours, ("ours", "keras:ResNet50", "float32")),
        "captum, PyTorch": (theirs, ("torch_classifiers", name, "float32")),
    }
    for copy in (f"{name}-dynamo", f"{name}-v1-dynamo", "keras:ResNet50"):
        np.savez(bench.folder / f"{copy}-images.npz", **images)
    with ExitStack() as stack:
        workers = {
            label: stack.enter_context(Worker(python, arguments, bench.folder))
            for label, (python, arguments) in subjects.items()
        }
        for count in range(rounds + 1):
            for label, worker in workers.items():
                result = worker.run(
                    len(images["pixels"]), steps=SPEED_STEPS, batch_size=SPEED_BATCH
                )
                if count:  # The first call warms up.
                    rates.setdefault(label, []).append(result.rate)
    print("\n| ResNet-50 | gradients/s, median (each round) | igcli, ONNX / it |\n|---|---|---|")
    for label, own in rates.items():
        ratio = statistics.median(
            first / other for first, other in zip(rates["igcli, ONNX"], own, strict=True)
        )
        listed = ", ".join(f"{rate:.2f}" for rate in own)
        print(f"| {label} | {statistics.median(own):.2f} ({listed}) | {ratio:.2f} |")


def print_operators(known: Counter[str]) -> None:
    """Print which operators the networks use, and which of them are missing."""
    from igcli.models.onnx.operators import OPERATORS, load_all

    load_all()
    listed = ", ".join(f"{name} {count}" for name, count in known.most_common())
    missing = sorted(set(known) - set(OPERATORS))
    print(f"\n{len(known)} operators, and the number of networks with them: {listed}")
    print(f"missing: {', '.join(missing) or 'none'}")


@click.command()
@click.argument("photos", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--network", "networks", multiple=True, help="Of torchvision, or timm-NAME.")
@click.option("--timm", "with_timm", is_flag=True, help="Scores of timm's networks too.")
@click.option("--speed", "with_speed", is_flag=True, help="Speed of ResNet-50 too.")
@click.option("--rounds", default=5, show_default=True, help="Rounds of the speed.")
@click.option("--steps", default=STEPS, show_default=True, help="0: scores alone.")
@click.option(
    "--rounding",
    is_flag=True,
    help="captum in float64 too, the first photo: minutes for each network.",
)
@click.option("--keep", is_flag=True, help="Keep what an earlier run with these photos exported.")
@click.option("--work", type=click.Path(path_type=Path), help="Folder of the environment.")
def main(
    photos: tuple[Path, ...],
    networks: tuple[str, ...],
    with_timm: bool,
    with_speed: bool,
    rounds: int,
    steps: int,
    rounding: bool,
    keep: bool,
    work: Path | None,
) -> None:
    """Print the tables; PHOTOS are the images, of any size."""
    folder = (work or platformdirs.user_cache_path("igcli-benchmark-peers")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder, photos)
    names = networks or (() if with_speed else TORCHVISION)
    names += tuple(f"timm-{name}" for name in TIMM) if with_timm else ()
    if names:
        print(
            "| network | exporter | scores: ONNX Runtime | scores: PyTorch "
            "| attributions: captum | captum in float64 | captum in float32 and float64 |\n"
            "|---|---|---|---|---|---|---|"
        )
    known: Counter[str] = Counter()
    for name in names:
        compare(bench, name, Settings(steps, keep, rounding), known)
    if names:
        print_operators(known)
    if with_speed:
        measure_speed(bench, rounds, keep=keep)


if __name__ == "__main__":
    main()
