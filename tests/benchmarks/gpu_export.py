"""Writes the programs of gpu_programs.py, from igcli's own functions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import igcli
from igcli.demo.scenes import render_scene
from igcli.models.network.device_arrays import AcceleratorArrays
from igcli.models.network.interpolation import points_on
from igcli.models.network.network import TensorFlowNetwork
from igcli.models.runtime import tensorflow

tf = tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.
from benchmarks.peer_workers.networks import trained  # noqa: E402

POINTS = 51
"""Of a path."""

ARGUMENTS = {
    "gradients": ("points", "target"),
    "interior": ("points", "target", "line", "pixel_starts", "pixel_directions"),
    "accumulate": ("summands", "weights"),
    "step": ("starts", "directions", "line", "alpha", "target", "weights"),
}

Function = Callable[..., list[Any]]


@dataclass(frozen=True)
class Batch:
    """The points of a batch, those of one path after those of another.

    Attributes:
        size: Number of points.
        line: Int32 (B,), the path of each.
    """

    size: int

    @property
    def line(self) -> Any:
        return (np.arange(self.size) // POINTS).astype(np.int32)

    @property
    def lines(self) -> int:
        """Number of paths."""
        return int(self.line[-1]) + 1

    @property
    def stacked(self) -> int:
        """Number of paths on a device, which gets a power of two."""
        return 1 << (self.lines - 1).bit_length()

    def specs(self, network: TensorFlowNetwork) -> dict[str, Any]:
        """Return shape and type of every argument."""
        inner, pixels = network._inner_shape, network.input_shape
        return {
            "points": tf.TensorSpec((self.size, *inner)),
            "summands": tf.TensorSpec((self.size, *inner)),
            "starts": tf.TensorSpec((self.stacked, *inner)),
            "directions": tf.TensorSpec((self.stacked, *inner)),
            "pixel_starts": tf.TensorSpec((self.stacked, *pixels)),
            "pixel_directions": tf.TensorSpec((self.stacked, *pixels)),
            "target": tf.TensorSpec((self.size,), tf.int32),
            "line": tf.TensorSpec((self.size,), tf.int32),
            "alpha": tf.TensorSpec((self.size,)),
            "weights": tf.TensorSpec((self.size,)),
        }

    def values(self, network: TensorFlowNetwork) -> dict[str, Any]:
        """Return every argument: paths from black to scenes, with the trapezoid's weights."""
        height, width = network.input_shape[:2]
        black = np.zeros(network.input_shape, np.float32)
        scenes = [
            render_scene(90_000 + number, size=(width, height)).pixels.astype(np.float32)
            for number in range(self.stacked)
        ]
        placed = [network.place(black, scene) for scene in scenes]
        starts = np.stack([each.start for each in placed])
        directions = np.stack([each.direction for each in placed])
        position = np.arange(self.size) % POINTS
        alpha = (position / (POINTS - 1)).astype(np.float32)
        ends = (position == 0) | (position == POINTS - 1)
        weights = (np.where(ends, 0.5, 1) / (POINTS - 1)).astype(np.float32)
        target = (self.line * 7 % network.outputs).astype(np.int32)
        points = points_on(starts, directions, self.line, alpha)
        found = network._compiled(self.size, per_point=False, interior=False)(points, target)
        return {
            "points": points.numpy(),
            "summands": found[1].numpy(),
            "starts": starts,
            "directions": directions,
            "pixel_starts": np.stack([black] * self.stacked),
            "pixel_directions": np.stack(scenes),
            "target": target,
            "line": self.line,
            "alpha": alpha,
            "weights": weights,
        }

    def functions(self, network: TensorFlowNetwork) -> dict[str, Function]:
        """Return what the network computes of a batch, by kind."""
        arrays = AcceleratorArrays("CPU:0")

        def compiled(rows: Sequence[Any], *, interior: bool) -> list[Any]:
            function = network._compiled(self.size, per_point=False, interior=interior)
            return [result for result in function(*rows) if result is not None]

        def gradients(*rows: Any) -> list[Any]:
            return compiled(rows, interior=False)

        def interior(*rows: Any) -> list[Any]:
            return compiled(rows, interior=True)

        def accumulate(summands: Any, weights: Any) -> list[Any]:
            totals = []
            for line in range(self.lines):
                rows = slice(line * POINTS, min((line + 1) * POINTS, self.size))
                zero = tf.zeros_like(summands[0])
                totals.append(arrays._accumulate(zero, summands[rows], weights[rows]))
            return [tf.stack(totals)]

        def step(*arguments: Any) -> list[Any]:
            starts, directions, line, alpha, target, weights = arguments
            scores, summands = gradients(points_on(starts, directions, line, alpha), target)
            return [scores, *accumulate(summands, weights)]

        return {
            "gradients": gradients,
            "interior": interior,
            "accumulate": accumulate,
            "step": step,
        }


class Weights:
    """The tensors that programs of one network take as further arguments, each written once."""

    def __init__(self) -> None:
        self._tensors: list[Any] = []

    def indices(self, tensors: Sequence[Any]) -> list[int]:
        """Return the numbers of tensors; new ones are kept."""
        known = {id(tensor): index for index, tensor in enumerate(self._tensors)}
        for tensor in tensors:
            if id(tensor) not in known:
                known[id(tensor)] = len(self._tensors)
                self._tensors.append(tensor)
        return [known[id(tensor)] for tensor in tensors]

    def write(self, path: Path) -> None:
        """Write them all; bfloat16 as float32."""
        values = {f"weight_{index}": _saved(each) for index, each in enumerate(self._tensors)}
        np.savez(path, allow_pickle=False, **values)


def _saved(tensor: Any) -> Any:
    return np.asarray(tf.cast(tensor, tf.float32) if tensor.dtype == tf.bfloat16 else tensor)


def load(name: str, precision: Literal["float32", "bfloat16"]) -> TensorFlowNetwork:
    """Return a network, the demo's or one of `keras.applications` with random weights."""
    if name == "demo":
        network = igcli.load_model("demo", device="cpu", precision=precision).network
        assert isinstance(network, TensorFlowNetwork)
        return network
    keras.utils.set_random_seed(0)
    options = {"alpha": 0.25} if name == "MobileNet" else {}
    model = getattr(keras.applications, name)(weights=None, **options)
    trained(model)

    def scores(pixels: Any) -> Any:
        return model(pixels / 127.5 - 1, training=False)

    return TensorFlowNetwork(scores, model.input_shape[1:], precision=precision)


def as_on_gpu(network: TensorFlowNetwork) -> TensorFlowNetwork:
    """Return the network as it is compiled for a GPU."""
    fused = network.uncompiled()
    fused._is_fused, fused.small_batches = True, ()
    fused._scores_of_inner(
        1
    )  # Makes weights bfloat16 here rather than in the first traced program.
    return fused


def write_programs(
    out: Path,
    *,
    networks: Sequence[str],
    precisions: Sequence[Literal["float32", "bfloat16"]],
    kinds: Sequence[str],
    batches: Sequence[int],
) -> Iterator[str]:
    """Write the programs of all combinations, and yield the name of each.

    Args:
        out: The folder.
        networks: Names of networks.
        precisions: Of gradients.
        kinds: Which programs.
        batches: Numbers of points; the first comes with arguments and results.
    """
    for name in networks:
        for precision in precisions:
            network, weights = load(name, precision), Weights()
            for size in batches:
                stem = f"{name}-{precision}-{{}}-{size}"
                values = Batch(size).values(network) if size == batches[0] else None
                for kind in kinds:
                    path = out / f"{stem.format(kind)}.hlo"
                    captured = _write(path, kind, Batch(size), as_on_gpu(network))
                    if values is not None:
                        saved = _arguments_and_results(kind, Batch(size), network, values)
                        indices = weights.indices(captured)
                        np.savez(path.with_suffix(".npz"), weights=indices, **saved)
                    yield path.stem
            weights.write(out / f"{name}-{precision}-weights.npz")


def _write(path: Path, kind: str, batch: Batch, network: TensorFlowNetwork) -> Sequence[Any]:
    """Write a program, and return the tensors that it takes as further arguments."""
    specs = batch.specs(network)
    signature = [specs[name] for name in ARGUMENTS[kind]]
    function = batch.functions(network)[kind]
    traced = tf.function(function, jit_compile=True, input_signature=signature, autograph=False)
    compiler = traced.experimental_get_compiler_ir(*signature)
    # With a platform instead of a device, none needs to be there.
    path.write_bytes(compiler(stage="hlo_serialized", platform_name="GPU"))
    captured: Sequence[Any] = traced.get_concrete_function().captured_inputs
    return captured


def _arguments_and_results(
    kind: str, batch: Batch, network: TensorFlowNetwork, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a program, and what they give without XLA, by name in the file."""
    arguments = [values[name] for name in ARGUMENTS[kind]]
    results = batch.functions(network)[kind](*map(tf.constant, arguments))
    saved = {f"argument_{index}": argument for index, argument in enumerate(arguments)}
    return saved | {f"result_{index}": _saved(result) for index, result in enumerate(results)}
