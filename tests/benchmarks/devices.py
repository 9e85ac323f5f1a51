"""Gradients per second of whole runs on several devices against one.

Without GPUs, the CPU is divided into TensorFlow devices, which share its cores: several of them
should be no slower than one.

    python tests/benchmarks/devices.py --model net.keras --preprocess tf --photos photos
"""

import statistics
import sys
import tempfile
from pathlib import Path

import click

from igcli.config.load import load_settings
from igcli.models.runtime import choose_devices, tensorflow
from igcli.pipeline.runs.prepared import prepare

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.whole_runs import repeated, scenes, whole_run

STEPS = 50


def divide_cpu(count: int) -> None:
    """Have TensorFlow see the CPU as several devices."""
    config = tensorflow().config
    [cpu] = config.list_physical_devices("CPU")
    config.set_logical_device_configuration(cpu, [config.LogicalDeviceConfiguration()] * count)


@click.command()
@click.option("--counts", default="2,4", show_default=True, help="Numbers of devices.")
@click.option("--images", default=39, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of images, repeated.")
@click.option("--model", default="demo", show_default=True)
@click.option("--preprocess", help="As in the configuration.")
@click.option("--batch-size", default=24, show_default=True)
def main(
    counts: str, images: int, rounds: int, photos: Path | None, model: str, **options: object
) -> None:
    """Print the rates, in turns, and their ratios to that of one device."""
    numbers = [1, *map(int, counts.split(","))]
    has_gpus = bool(tensorflow().config.list_physical_devices("GPU"))
    if not has_gpus:
        divide_cpu(max(numbers))
    kind = "gpu" if has_gpus else "cpu"
    runs = {}
    with tempfile.TemporaryDirectory() as folder:
        sources = list(repeated(photos, images) if photos else scenes(Path(folder), images))
        for count in numbers:
            device = f"{kind}:{','.join(map(str, range(count)))}"
            given = {"model.source": model, "steps": STEPS, "device": device, **options}
            preprocess = given.pop("preprocess")
            given |= {"model.preprocess": preprocess} if preprocess else {}
            settings = load_settings(None, given).settings
            runs[count] = settings, prepare(settings, panels=True)
            whole_run(settings, sources, runs[count][1])  # Traces.
        times: dict[int, list[float]] = {count: [] for count in numbers}
        for _ in range(rounds):
            for count, (settings, prepared) in runs.items():
                times[count].append(whole_run(settings, sources, prepared))
    print(f"{model}, {images} images, of {len(choose_devices('all'))} devices:")
    for count, seconds in times.items():
        rate = images * (STEPS + 1) / statistics.median(seconds)
        ratios = [one / several for one, several in zip(times[1], seconds, strict=True)]
        shown = ", ".join(f"{ratio:.3f}" for ratio in ratios)
        print(f"{count} x {kind}: {rate:.4g} gradients/s, to one {shown}")


if __name__ == "__main__":
    main()
