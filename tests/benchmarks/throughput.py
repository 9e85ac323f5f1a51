"""Gradients per second of a whole run against the bare compiled gradient loop.

Both in one process, with the same network and the same batch, in turns. A whole run counts from
the first decode to the last file renamed, the network loaded and traced.

    python tests/benchmarks/throughput.py --images 40
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from igcli.config.load import load_settings
from igcli.pipeline.runs.prepared import prepare

sys.path.insert(0, str(Path(__file__).parents[1]))
from benchmarks.whole_runs import repeated, scenes, spread, whole_run

STEPS = 50


class BareLoop:
    """The compiled gradient of a network's scores at its inputs, one batch after the other."""

    def __init__(self, network: Any, batch_size: int) -> None:
        """Compile it."""
        import tensorflow as tf

        @tf.function  # type: ignore[untyped-decorator]
        def gradient(inputs: Any, target: Any) -> Any:
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(inputs)
                scores = tf.gather(network._scores(inputs), target, batch_dims=1)
            return tape.gradient(scores, inputs)

        pixels = np.random.default_rng(0).uniform(0, 255, (batch_size, *network.input_shape))
        self._batch = tf.constant(pixels, tf.float32), tf.zeros(batch_size, tf.int32)
        self._gradient = gradient
        self._size = batch_size
        gradient(*self._batch)

    def seconds(self, gradients: int) -> float:
        """Return the seconds that each of about so many takes."""
        batches = -(-gradients // self._size)
        start = time.perf_counter()
        for _ in range(batches):
            self._gradient(*self._batch)
        return (time.perf_counter() - start) / (batches * self._size)


@click.command()
@click.option("--images", default=40, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--photos", type=click.Path(path_type=Path), help="Folder of images, repeated.")
@click.option("--model", default="demo", show_default=True)
@click.option("--preprocess", help="As in the configuration.")
@click.option("--weights", help="As in the configuration.")
@click.option("--batch-size", default=24, show_default=True)
@click.option("--gif", is_flag=True)
@click.option("--panels/--no-panels", default=True, help="Without: as igcli gif does.")
@click.option("--gallery", is_flag=True)
def main(images: int, rounds: int, photos: Path | None, model: str, **options: Any) -> None:
    """Print both rates and their ratio, median of the rounds (lowest to highest)."""
    overrides: dict[str, object] = {"model.source": model, "steps": STEPS}
    overrides |= {name: options[name] for name in ("batch_size", "gif", "gallery")}
    named = (name for name in ("preprocess", "weights") if options[name])
    overrides |= {f"model.{name}": options[name] for name in named}
    settings = load_settings(None, overrides).settings
    prepared = prepare(settings, panels=options["panels"])
    network, batch_size = prepared.model.network, prepared.engine.batch_size
    evaluations = images * (STEPS + 1)
    with tempfile.TemporaryDirectory() as folder:
        sources = list(repeated(photos, images) if photos else scenes(Path(folder), images))
        whole_run(settings, sources[:2], prepared)  # Traces.
        loop = BareLoop(network, batch_size)
        pairs = []
        for _ in range(rounds):  # The machine may change: half of the loop before, half after.
            before = loop.seconds(evaluations // 4)
            whole = whole_run(settings, sources, prepared) / evaluations
            pairs.append((whole, (before + loop.seconds(evaluations // 4)) / 2))
    rows = {
        "whole run, gradients/s": [1 / whole for whole, _ in pairs],
        "bare loop, gradients/s": [1 / bare for _, bare in pairs],
        "ratio": [bare / whole for whole, bare in pairs],
    }
    extras = [name for name in ("panels", "gif", "gallery") if options[name]]
    print(", ".join([model, f"{images} images, batch {batch_size}", *extras]))
    for name, values in rows.items():
        print(f"{name:24} {spread(values)}")


if __name__ == "__main__":
    main()
