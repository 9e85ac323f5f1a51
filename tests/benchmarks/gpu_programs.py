"""The programs that igcli has XLA compile for a GPU, to run without TensorFlow and igcli.

    python tests/benchmarks/gpu_programs.py export OUT    # where igcli is installed; needs no GPU
    python gpu_programs.py run OUT                        # needs this file, jax, numpy and click

For each network, precision and size of a batch, four programs:

- gradients: scores and gradients of a batch of points, as integrated gradients ask for them;
- interior: the same, and the maps of an animation;
- accumulate: the sum of gradients along each path, in the order of its points;
- step: from lines to the sums, all three steps of a batch in one program.

Those of the smallest batch come with arguments, and with the results that igcli has on a CPU.
Larger ones run on random numbers. XLA computes float32 products on a GPU in TF32 by default.

Run on CPUs so far. There jax 0.10.2 gives wrong maps for `interior`, by a fault of the library that
it has compute sums; XLA_FLAGS=--xla_cpu_experimental_ynn_fusion_type= turns that off.
"""

import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

NETWORKS = ("demo", "MobileNet", "ResNet50V2", "InceptionV3")
PRECISIONS = ("float32", "bfloat16")
BATCHES = (32, 128, 512)
KINDS = ("gradients", "interior", "accumulate", "step")

PEAKS = {
    "NVIDIA H100 PCIe": (378, 756),
    "NVIDIA H100 NVL": (417, 835),
    "NVIDIA H100": (495, 989),
    "NVIDIA H200 NVL": (417, 835),
    "NVIDIA H200": (495, 989),
    "NVIDIA A100": (156, 312),
    "NVIDIA L40S": (183, 362),
    "NVIDIA L4": (60, 121),
}
"""TFLOPS of dense products in TF32 and bfloat16, by what the names of devices begin with.

Source: NVIDIA's data sheets, which name the double, with sparsity, for all but the A100.
"""

MIN_CALLS = 3
ROW = "{:34} {:11.1f} {:10.1f} {:>9} {:>9} {:>8} {:>6}"
HEADINGS = (
    f"{'program':34} {'gradients/s':>11} {'compiled/s':>10} {'maximum':>9} {'L2':>9} "
    f"{'TFLOPS':>8} {'peak':>6}"
)
MOVED = (
    "jax {version} has moved what runs a serialized program ({error}); this was written for jax "
    "0.10.2"
)

Values = npt.NDArray[Any]


@dataclass(frozen=True)
class Program:
    """A serialized program, NETWORK-PRECISION-KIND-BATCH.hlo."""

    path: Path

    @property
    def names(self) -> tuple[str, str, str]:
        """Network, precision and kind."""
        network, precision, kind, _ = self.path.stem.rsplit("-", 3)
        return network, precision, kind

    @property
    def batch(self) -> int:
        """Points of a batch."""
        return int(self.path.stem.rsplit("-", 1)[1])

    def saved(self, kinds: Sequence[np.dtype[Any]]) -> tuple[list[Values], list[Values]] | None:
        """Return the arguments, of these types, and the results; None if there are none."""
        network, precision, _ = self.names
        weights_path = self.path.with_name(f"{network}-{precision}-weights.npz")
        if not (self.path.with_suffix(".npz").exists() and weights_path.exists()):
            return None
        with np.load(self.path.with_suffix(".npz")) as file, np.load(weights_path) as weights:
            arguments = list(_numbered(file, "argument"))
            arguments += [weights[f"weight_{index}"] for index in file["weights"]]
            results = list(_numbered(file, "result"))
        pairs = zip(arguments, kinds, strict=True)
        return [argument.astype(kind) for argument, kind in pairs], results


def _numbered(file: Any, name: str) -> Iterator[Values]:
    for index in range(sum(key.startswith(f"{name}_") for key in file.files)):
        yield file[f"{name}_{index}"]


class Device:
    """The device that JAX finds, and the parts of JAX that are no public interface."""

    def __init__(self) -> None:
        """Look for both.

        Raises:
            ClickException: JAX is not installed, or has moved them.
        """
        try:
            self._jax: Any = import_module("jax")
        except ImportError:
            raise click.ClickException("run needs jax: pip install 'jax[cuda12]'") from None
        try:
            extend: Any = import_module("jax.extend.backend")
            client: Any = import_module("jax._src.lib").xla_client
            self._backend = extend.get_backend()
            self._cpu = extend.get_backend("cpu")
            self._computation, self._options = client.XlaComputation, client.CompileOptions
            self._analyse = client._xla.hlo_module_cost_analysis
            self._as_mlir = client._xla.mlir.xla_computation_to_mlir_module
            self._device = self._backend.local_devices()[0]
            self._devices = client.DeviceList((self._device,))
            self._compile = self._backend.compile_and_load
        except (ImportError, AttributeError, TypeError) as error:
            raise self._moved(error) from error

    def __str__(self) -> str:
        """Name it."""
        return f"{self._device.device_kind}, jax {self._jax.__version__}"

    @property
    def failures(self) -> type[Exception]:
        """What a program raises that does not compile or run, for want of memory for example."""
        failures: type[Exception] = self._jax.errors.JaxRuntimeError
        return failures

    def peak(self, precision: str) -> float | None:
        """Return the TFLOPS that it has at most, None if they are unknown."""
        named = (
            peaks for name, peaks in PEAKS.items() if self._device.device_kind.startswith(name)
        )
        peaks = next(named, None)
        return peaks and float(peaks[PRECISIONS.index(precision)])

    def compiled(self, program: Program) -> "Compiled":
        """Compile a program."""
        try:
            computation = self._computation(program.path.read_bytes())
            module = self._as_mlir(computation)
            start = time.perf_counter()
            loaded = self._compile(module, self._devices, self._options())
            seconds = time.perf_counter() - start
            # Counted before any compiler has its way, so the same for all devices.
            flops = self._analyse(self._cpu, computation.as_hlo_module())["flops"]
            shapes = computation.program_shape().parameter_shapes()
            parameters = [(shape.dimensions(), np.dtype(shape.numpy_dtype())) for shape in shapes]
        except (AttributeError, TypeError) as error:
            raise self._moved(error) from error
        return Compiled(self, loaded, seconds, flops, parameters)

    def put(self, arguments: Sequence[Values]) -> list[Any]:
        """Copy arguments to the device."""
        return [self._jax.device_put(argument, self._device) for argument in arguments]

    def execute(self, loaded: Any, buffers: Sequence[Any]) -> list[Any]:
        """Run a program and wait for its results."""
        try:
            results: list[Any] = loaded.execute(buffers)
        except (AttributeError, TypeError) as error:
            raise self._moved(error) from error
        self._jax.block_until_ready(results)
        return results

    def _moved(self, error: Exception) -> click.ClickException:
        return click.ClickException(MOVED.format(version=self._jax.__version__, error=error))


@dataclass(frozen=True)
class Compiled:
    """A compiled program.

    Attributes:
        device: Where it runs.
        loaded: JAX's handle.
        seconds: What compiling took.
        flops: Operations of one call.
        parameters: Shape and type of each argument.
    """

    device: Device
    loaded: Any
    seconds: float
    flops: float
    parameters: Sequence[tuple[tuple[int, ...], np.dtype[Any]]]

    @property
    def kinds(self) -> list[np.dtype[Any]]:
        """The types of the arguments."""
        return [kind for _, kind in self.parameters]

    def random_arguments(self) -> Iterator[Values]:
        """Yield numbers of a size at which activations neither vanish nor overflow."""
        rng = np.random.default_rng(1)
        for shape, kind in self.parameters:
            if kind.kind == "i":
                yield np.zeros(shape, kind)
            else:
                scale = (2 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0.05
                yield (rng.standard_normal(shape, np.float32) * scale).astype(kind)

    def timed(self, buffers: Sequence[Any], seconds: float) -> float:
        """Return the median seconds of single calls, for as long as given."""
        taken: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(taken) < MIN_CALLS:
            start = time.perf_counter()
            self.device.execute(self.loaded, buffers)
            taken.append(time.perf_counter() - start)
        return statistics.median(taken)


def differences(ours: Sequence[Any], theirs: Sequence[Values]) -> tuple[float, float]:
    """Return relative maximum and relative L2 distance, of the result that is furthest away."""
    largest = euclidean = 0.0
    for one, other in zip(ours, theirs, strict=True):
        expected = other.astype(np.float64)
        difference = np.asarray(one).astype(np.float64) - expected
        largest = max(largest, float(np.abs(difference).max() / np.abs(expected).max()))
        euclidean = max(euclidean, float(np.linalg.norm(difference) / np.linalg.norm(expected)))
    return largest, euclidean


def measured(program: Program, device: Device, seconds: float, peak: float | None) -> str:
    """Run one program and return its line of the table."""
    compiled = device.compiled(program)
    saved = program.saved(compiled.kinds)
    arguments, results = saved or (list(compiled.random_arguments()), None)
    buffers = device.put(arguments)
    found = device.execute(compiled.loaded, buffers)
    distances = ["-", "-"]
    if results is not None:
        distances = [f"{distance:.1e}" for distance in differences(found, results)]
    del found
    taken = compiled.timed(buffers, seconds)
    _, precision, kind = program.names
    speed = share = "-"
    if kind != "accumulate":  # It has no products, and XLA counts a loop's operations once.
        tera = compiled.flops / taken / 1e12
        peak = peak or device.peak(precision)
        speed, share = f"{tera:.3g}", "-" if peak is None else f"{tera / peak:.1%}"
    columns = program.path.stem, program.batch / taken, compiled.seconds, *distances, speed, share
    return ROW.format(*columns)


def choice(names: Sequence[str]) -> Any:
    """Return the type of an option that takes some of the names, joined by commas."""

    def chosen(_context: Any, _parameter: Any, value: str) -> list[str]:
        unknown = [name for name in value.split(",") if name not in names]
        if unknown:
            raise click.BadParameter(f"{unknown[0]}: expected some of {','.join(names)}")
        return value.split(",")

    return {"default": ",".join(names), "show_default": True, "callback": chosen}


def sizes(_context: Any, _parameter: Any, value: str) -> list[int]:
    """Return the numbers of an option."""
    try:
        numbers = sorted({int(number) for number in value.split(",")})
    except ValueError:
        numbers = [0]
    if numbers[0] < 1:
        raise click.BadParameter(f"{value}: expected positive integers, joined by commas")
    return numbers


@click.group()
def main() -> None:
    """Write programs, and run them elsewhere."""


@main.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--networks", **choice(NETWORKS))
@click.option("--precisions", **choice(PRECISIONS))
@click.option("--kinds", **choice(KINDS))
@click.option("--batches", default="32,128,512", show_default=True, callback=sizes)
def export(out: Path, **options: Any) -> None:
    """Write the programs to the folder OUT.

    Weights, arguments and results take up to 800 MB for each network and precision (ResNet50V2);
    with `--kinds step` 300 MB, nearly all of it weights, without which arguments are random.
    """
    sys.path.insert(0, str(Path(__file__).parents[1]))
    try:
        exporting: Any = import_module("benchmarks.gpu_export")
    except ModuleNotFoundError as error:
        raise click.ClickException(f"export needs igcli and its benchmarks: {error}") from None
    out.mkdir(parents=True, exist_ok=True)
    for name in exporting.write_programs(out, **options):
        print(name, flush=True)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", default=3.0, show_default=True, help="Time of each program.")
@click.option("--peak", type=float, help="TFLOPS of the device, in place of the known ones.")
def run(folder: Path, seconds: float, peak: float | None) -> None:
    """Run the programs of FOLDER, and print a line for each.

    Compilation in seconds; distances to the results of a CPU, as the largest difference over the
    largest value and as a relative L2 norm, of the worst result; operations a second in TFLOPS, and
    their share of the peak of the device in TF32 or bfloat16.
    """
    programs = [Program(path) for path in folder.glob("*-*-*-[1-9]*.hlo")]
    if not programs:
        raise click.ClickException(f"{folder}: there are no programs in it: run export first")
    device = Device()
    print(device)
    print(HEADINGS)
    for program in sorted(programs, key=lambda program: (*program.names, program.batch)):
        try:
            print(measured(program, device, seconds, peak), flush=True)
        except device.failures as error:
            print(f"{program.path.stem:34} {str(error).splitlines()[0][:200]}", flush=True)


if __name__ == "__main__":
    main()
