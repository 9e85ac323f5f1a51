"""The cost of Ray workers over a local run: a fixed time, and a time for each image.

`python tests/benchmarks/ray.py [IMAGES] [REPEATS]` runs scenes of the demo locally and with as many
workers as igcli chooses for the cores, alternating, and prints seconds and ratios.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENES = Path(__file__).parents[2] / "sample_images"
ENGINES = {"local": (), "ray": ("--engine", "ray")}


def main(count: int, repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        many = [str(path) for path in copies(Path(folder) / "in", count)]
        took: dict[tuple[str, int], list[float]] = {}
        for _ in range(repeats):
            for number, images in ((1, many[:1]), (count, many)):
                for engine in ENGINES:
                    seconds = run(Path(folder), images, engine)
                    took.setdefault((engine, number), []).append(seconds)
                    print(f"{engine}, {number} images: {seconds:.1f} s", flush=True)
    best = {key: min(seconds) for key, seconds in took.items()}
    per_image = {
        engine: (best[engine, count] - best[engine, 1]) / (count - 1) for engine in ENGINES
    }
    fixed = statistics.median(
        ray - local for ray, local in zip(took["ray", 1], took["local", 1], strict=True)
    )
    print(f"fixed: {fixed:.1f} s; an image: local {per_image['local'] * 1000:.0f} ms, ", end="")
    print(
        f"ray {per_image['ray'] * 1000:.0f} ms, ratio {per_image['ray'] / per_image['local']:.2f}"
    )


def copies(folder: Path, count: int) -> list[Path]:
    """Write `count` image files, copies of the scenes in turn."""
    folder.mkdir()
    scenes = sorted(path for path in SCENES.rglob("*") if path.suffix in (".jpg", ".png"))
    paths = []
    for number in range(count):
        scene = scenes[number % len(scenes)]
        path = folder / f"{number:05}{scene.suffix}"
        path.write_bytes(scene.read_bytes())
        paths.append(path)
    return paths


def run(folder: Path, images: list[str], engine: str) -> float:
    """Run the command and return the seconds it took."""
    (folder / "names.txt").write_text("\n".join(images))
    output = folder / "out"
    fixed = ("--batch-size", "24", "--on-existing", "overwrite", "-q")
    command = [sys.executable, "-m", "igcli", "attribute", "--files-from", folder / "names.txt"]
    start = time.perf_counter()
    subprocess.run(
        [*map(str, command), "--output", str(output), *fixed, *ENGINES[engine]],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    seconds = time.perf_counter() - start
    assert json.loads((output / "summary.json").read_text())["done"] == len(images)
    return seconds


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    main(*(numbers + [200, 3][len(numbers) :]))
