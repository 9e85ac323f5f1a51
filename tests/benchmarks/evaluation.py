"""Methods beside controls, on drawn scenes whose objects have masks, and on photographs.

    python tests/benchmarks/evaluation.py --scenes 200
    python tests/benchmarks/evaluation.py --photos FOLDER --model net.keras --model-preprocess tf

Each is one `igcli evaluate` in a process of its own; what follows the options goes to it. The
table has means with their 95% intervals, and says which methods do not beat which controls.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image

from igcli import metrics
from igcli.demo.scenes import CLASSES, SEED_STRIDE, render_scene
from igcli.evaluate.controls import CONTROLS
from igcli.evaluate.evaluation import Evaluation, open_run
from igcli.evaluate.options import EvaluationOptions
from igcli.outputs.local_folder import LocalFolder
from igcli.pipeline.engine.predictions import LARGE_SIZE

SCENES_OF = 7
"""Seed of the set of scenes: one that the demo network was neither trained nor chosen on."""

METHODS = (
    *("integrated_gradients", "idgi", "guided_integrated_gradients", "blur_integrated_gradients"),
    *("gradients", "saliency", "smoothgrad", "xrai", "occlusion", "rise"),
    *("grad_cam", "grad_cam_plus_plus", "hires_cam", "layer_cam"),
)
QUICK_METHODS = METHODS[:7]
"""Methods of the measurement of speed."""

METRICS = ("deletion", "insertion", "sparseness", "completeness")
WITH_MASKS = ("pointing_game", "mass_inside", "rank_inside")


def write_scenes(folder: Path, count: int) -> None:
    """Write scenes and the masks of their objects, each class in turn."""
    for number in range(count):
        scene = render_scene(SCENES_OF * SEED_STRIDE + number, label=number % len(CLASSES))
        name = f"{CLASSES[scene.label]}/{number:03}.png"
        for kind, pixels in (("scenes", scene.pixels), ("masks", scene.mask)):
            path = folder / kind / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


def evaluate(*arguments: object) -> tuple[dict[str, Any], float]:
    """Return the summary that `igcli evaluate` writes, and the seconds it took."""
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "igcli", "evaluate", *map(str, arguments), "-o", output]
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        seconds = time.perf_counter() - started
        return json.loads((Path(output) / "evaluation.json").read_text()), seconds


def print_table(summary: Mapping[str, Any]) -> None:
    """Print the means as a Markdown table, and below it the controls that are not beaten."""
    names = list(summary["options"])
    print(f"| method | {' | '.join(map(_heading, names))} |")
    print(f"|---|{'---|' * len(names)}")
    for method, values in summary["methods"].items():
        cells = [_cell(values.get(name)) for name in names]
        print(f"| {method} | {' | '.join(cells)} |")
    print()
    for name, differences in summary["differences"].items():
        for one in differences:
            if one["beats"] is False:
                low, high = one["interval"]
                print(
                    f"- {name}: {one['first']} does not beat {one['second']} "
                    f"(difference {one['mean']:+.3f}, {low:+.3f} to {high:+.3f})"
                )


def _heading(name: str) -> str:
    higher = metrics.load(name).HIGHER_IS_BETTER
    return name + {True: " ↑", False: " ↓", None: ""}[higher]


def _cell(summary: Mapping[str, Any] | None) -> str:
    if summary is None or summary["mean"] is None:
        return "-"
    interval = summary["interval"]
    ends = f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
    return f"{summary['mean']:.3f}{ends}"


def measure_speed(photos: str, others: Sequence[str], rounds: int) -> None:
    """Print the forward passes per second of deletion and insertion, beside the bare loop.

    The loop predicts full batches from two threads, as the engine does, and nothing else.
    """
    names = ("--metrics", "deletion,insertion", "--methods", ",".join(QUICK_METHODS))
    with tempfile.TemporaryDirectory() as output:
        command = [sys.executable, "-m", "igcli", "attribute", photos, "--arrays", "-o", output]
        columns = ("--panel-columns", ",".join(("image", "label", *QUICK_METHODS)))
        command += ["--method", QUICK_METHODS[0], *columns, *others]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        run = open_run(LocalFolder(output), {})
        evaluation = Evaluation(run, EvaluationOptions(("deletion", "insertion")))
        network: Any = evaluation.load_network()
        batch = np.random.default_rng(0).uniform(0, 255, (LARGE_SIZE, *network.input_shape))
        passes = len(evaluation.records) * (len(QUICK_METHODS) + len(CONTROLS)) * 2 * 51
        ratios = []
        for number in range(rounds + 1):
            before = loop_rate(network, batch.astype(np.float32), passes // 4)
            Path(output, "evaluation.jsonl").unlink(missing_ok=True)
            started = time.perf_counter()
            with evaluation:
                failed = [outcome for outcome in evaluation.outcomes(str) if outcome.error]
            rate = passes / (time.perf_counter() - started)
            loop = (before + loop_rate(network, batch.astype(np.float32), passes // 4)) / 2
            if failed:
                raise click.ClickException(failed[0].error)
            if number:  # The first round warms up.
                ratios.append(rate / loop)
                print(f"evaluate {rate:.0f}/s, bare loop {loop:.0f}/s, ratio {rate / loop:.3f}")
    print(f"ratio, median: {statistics.median(ratios):.3f}; {' '.join(names)}")


def loop_rate(network: Any, batch: Any, passes: int) -> float:
    """Return the scores per second of predicting a batch again and again from two threads."""
    batches = -(-passes // len(batch))
    started = time.perf_counter()
    with ThreadPoolExecutor(network.streams) as pool:
        for _ in pool.map(lambda _: network.predict(batch), range(batches)):
            pass
    return batches * len(batch) / (time.perf_counter() - started)


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--scenes", type=int, help="Number of scenes; the demo network explains them.")
@click.option("--photos", type=click.Path(exists=True), help="Folder of photographs.")
@click.option("--speed", type=int, help="Rounds of forward passes per second over the photographs.")
@click.option("--methods", default=",".join(METHODS), show_default=True)
@click.option("--metrics", "names", default=",".join(METRICS), show_default=True)
@click.argument("others", nargs=-1, type=click.UNPROCESSED)
def main(
    scenes: int | None,
    photos: str | None,
    speed: int | None,
    methods: str,
    names: str,
    others: tuple[str, ...],
) -> None:
    """Print the tables; OTHERS are options of `igcli evaluate`."""
    if speed and photos:
        measure_speed(photos, others, speed)
        return
    common = ("--methods", methods, *others)
    if scenes:
        with tempfile.TemporaryDirectory() as folder:
            write_scenes(Path(folder), scenes)
            masks = ("--masks", f"{folder}/masks", "--target", "folder")
            metric_names = ",".join([names, *WITH_MASKS])
            arguments = (f"{folder}/scenes", *masks, "--metrics", metric_names, *common)
            summary, seconds = evaluate(*arguments)
        print(f"\n{scenes} scenes, {seconds:.0f} s:\n")
        print_table(summary)
    if photos:
        summary, seconds = evaluate(photos, "--metrics", names, *common)
        print(f"\n{summary['images']} photographs, {seconds:.0f} s:\n")
        print_table(summary)


if __name__ == "__main__":
    main()
