"""Seconds until igcli says something: `--help`, and the first finished panel with the demo.

Whole processes, the first run of each left out, which fills the caches of files.

    python tests/benchmarks/startup.py
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

IGCLI = [sys.executable, "-m", "igcli"]
TENSORFLOW = [sys.executable, "-c", "import tensorflow, keras"]
SAMPLES = Path(__file__).parents[2] / "sample_images"


def whole(command: Sequence[str]) -> float:
    """Return the seconds of a process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def first_panel() -> float:
    """Return the seconds until a run names the first panel that it wrote."""
    with tempfile.TemporaryDirectory() as output:
        command = [*IGCLI, "attribute", "-q", str(SAMPLES), "--output", output]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            named = process.stdout.readline()
            seconds = time.perf_counter() - start
            process.stdout.read()
        if process.returncode or not named.strip():
            raise click.ClickException(f"no panel; exit code {process.returncode}")
    return seconds


MEASURES: dict[str, Callable[[], float]] = {
    "igcli --help": lambda: whole([*IGCLI, "--help"]),
    "Python with TensorFlow's import alone": lambda: whole(TENSORFLOW),
    "first panel, demo": first_panel,
}


@click.command()
@click.option("--repeats", default=5, show_default=True, type=click.IntRange(min=1))
def main(repeats: int) -> None:
    """Print the median of several processes (lowest to highest)."""
    for name, measure in MEASURES.items():
        seconds = [measure() for _ in range(1 + repeats)][1:]
        low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
        print(f"{name:40} {middle:6.2f} s ({low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main()
