"""How far igcli's metrics and its peers' agree, each on the same network, image and attributions.

What a metric draws at random is drawn once, by ours, and given to the peer: the images that ours
has scored, or attributed, stand in the place of those that the peer would draw. Each peer has an
environment of its own; the figure is the difference of the values over ours.

    python tests/benchmarks/metric_agreement.py

The first run installs the peers.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import platformdirs

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.agreement_workers.client import theirs
from benchmarks.peer_workers.environments import PEERS, QUANTUS, NotInstalledError, python_for

from igcli import metrics
from igcli.integration.requests import Computation, Predictions
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._information import blurred_images
from igcli.metrics._options import PicAicOptions

WORKERS = Path(__file__).parent / "metric_workers"
SIDE = 24
SEED = 21
"""One that gives networks and images of which every metric has a value other than 0."""

CHANNELS = {"quantus": 1, "captum": 3, "xplique": 3, "saliency": 3}
"""Channels of each peer's image: Quantus orders single values, ours pixels."""

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Row:
    """A metric of a peer, and what it is held against.

    Attributes:
        peer: Name of the peer.
        name: Name of its result.
        metric: Name of our metric.
        options: Of our metric.
        of: What is measured: "attributions", gradients times the image, or "gradients".
        why: What was matched, or where they differ.
    """

    peer: str
    name: str
    metric: str
    options: Mapping[str, Any] = field(default_factory=dict)
    of: str = "attributions"
    why: str = ""


SQUARES = {"square_size": 7, "samples": 50}
LOCAL = {"perturbation": "noise", "noise": 0.05, "samples": 50, "multiplied_by_input": False}

ROWS = (
    Row("quantus", "pixel_flipping", "deletion", {"steps": SIDE**2}, why="a pixel a step"),
    Row(
        "quantus",
        "region_perturbation",
        "aopc",
        {"region_size": 4, "fill": "black", "regions": 20},
        why="with the fall of zero at no region",
    ),
    Row(
        "quantus",
        "region_perturbation_lerf",
        "aopc_lerf",
        {"region_size": 4, "fill": "black", "regions": 20},
        why="the same",
    ),
    Row("quantus", "faithfulness_correlation", "mu_fidelity", {"features": "pixels"}),
    Row(
        "quantus",
        "infidelity",
        "infidelity",
        {"square_size": SIDE, "samples": 1, "multiplied_by_input": False},
        of="gradients",
        why="one square, the image: later ones keep the earlier removed",
    ),
    Row("quantus", "max_sensitivity", "max_sensitivity", of="gradients"),
    Row("quantus", "road", "road", {"noise": 0.0}, why="without noise, 10% to 90%"),
    Row(
        "quantus",
        "road_score",
        "road",
        {"noise": 0.0, "measure": "score"},
        why="score of its imputed images",
    ),
    Row("quantus", "sparseness", "sparseness", why="adds 1e-7 to magnitudes, the largest being 1"),
    Row("quantus", "pointing_game", "pointing_game", {"tolerance": 0.0}, why="without tolerance"),
    Row("quantus", "mass_accuracy", "mass_inside", {"part": "absolute"}, why="magnitudes"),
    Row("quantus", "rank_accuracy", "rank_inside"),
    Row("captum", "infidelity", "infidelity", SQUARES, why="multiply_by_inputs"),
    Row("captum", "infidelity_local", "infidelity", LOCAL, of="gradients"),
    Row("captum", "infidelity_normalized", "infidelity", {**SQUARES, "normalize": True}),
    Row("captum", "sensitivity_max", "max_sensitivity", of="gradients"),
    Row("xplique", "deletion", "deletion", {"steps": SIDE}),
    Row("xplique", "insertion", "insertion", {"steps": SIDE, "fill": "black"}, why="into black"),
    Row(
        "xplique",
        "mu_fidelity",
        "mu_fidelity",
        {"grid": 6, "correlation": "spearman"},
        why="with our subsets of one size",
    ),
    Row("saliency", "sic", "pic_sic"),
    Row("saliency", "aic", "pic_aic"),
)


class Network:
    """A convolution, tanh, a matrix and softmax, of pixels 0...255, in double precision."""

    def __init__(self, given: Arrays) -> None:
        self._filters = given["filters"].astype(np.float64)
        self._offsets = given["offsets"].astype(np.float64)
        self._matrix = given["matrix"].astype(np.float64)

    def scores(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the scores (N, K) of images (N, H, W, C)."""
        scores: npt.NDArray[np.float32] = self._forward(images)[1].astype(np.float32)
        return scores

    def gradient(self, image: npt.NDArray[np.float32], target: int) -> npt.NDArray[np.float32]:
        """Return the gradient of a score at an image."""
        values, scores = self._forward(image[None])
        of_logits = scores[0, target] * (np.eye(scores.shape[1])[target] - scores[0])
        of_sums = (self._matrix @ of_logits).reshape(values.shape[1:]) * (1 - values[0] ** 2)
        gradient = np.zeros(image.shape)
        height, width = of_sums.shape[:2]
        for row, column in np.ndindex(3, 3):
            part = of_sums @ self._filters[row, column].T
            gradient[row : row + height, column : column + width] += part
        return gradient.astype(np.float32)

    def _forward(self, images: npt.NDArray[Any]) -> tuple[Any, Any]:
        windows = np.lib.stride_tricks.sliding_window_view(images, (3, 3), (1, 2))
        sums = np.einsum("nhwcij,ijck->nhwk", windows, self._filters, optimize=True)
        values = np.tanh(sums + self._offsets)
        powers = np.exp(values.reshape(len(values), -1) @ self._matrix)
        return values, powers / powers.sum(1, keepdims=True)


def problem(channels: int) -> Arrays:
    """Return the network, an image of blocks, its attributions and gradients, and a mask."""
    rng = np.random.default_rng(SEED)
    noise = rng.normal(0, 20, (SIDE, SIDE, channels))
    blocks = np.kron(rng.uniform(40, 215, (SIDE // 4, SIDE // 4, channels)), np.ones((4, 4, 1)))
    weights = {
        "filters": rng.normal(0, 0.4, (3, 3, channels, 6)) / 255,
        "offsets": rng.normal(0, 0.2, 6),
        "matrix": rng.normal(0, 0.06, ((SIDE - 2) ** 2 * 6, 5)),
    }
    given = {name: value.astype(np.float32) for name, value in weights.items()}
    network = Network(given)
    # Whole levels above zero, as in a photo, so that black pixels are those removed.
    image = np.rint(blocks + noise).clip(1, 255).astype(np.float32)
    target = int(network.scores(image[None])[0].argmax())
    gradients = network.gradient(image, target)
    rows, columns = np.ogrid[:SIDE, :SIDE]
    mask = (rows - 10) ** 2 + (columns - 13) ** 2 < 49
    return {
        **given,
        "image": image,
        "gradients": gradients,
        "attributions": gradients * image,
        "mask": mask,
        "target": np.int64(target),
    }


class Ours:
    """Our metrics on the problem."""

    def __init__(self, given: Arrays) -> None:
        self._given, self._network = given, Network(given)
        self._seen: list[npt.NDArray[np.float32]] = []

    def measure(self, row: Row) -> tuple[float, npt.NDArray[np.float32]]:
        """Return the value, and the images that the network has scored, or were attributed.

        Raises:
            ClickException: There is no value.
        """
        subject = self.subject(row.of)
        self._seen = [np.empty((0, *subject.image.shape), np.float32)]
        group = {row.metric.removesuffix("_lerf"): row.options} if row.options else {}
        options = MetricOptions.model_validate(group)
        found = self._answered(metrics.load(row.metric).measure(subject, options))
        if found.value is None:
            raise click.ClickException(f"{row.metric}: {found.warnings[0]}")
        return found.value, np.concatenate(self._seen)

    def subject(self, of: str = "attributions") -> Subject:
        """Return what is measured, "attributions" or "gradients"."""
        image, target = self._given["image"], int(self._given["target"])
        black = np.zeros_like(image)
        score, baseline_score = self._network.scores(np.stack([image, black]))[:, target]
        return Subject(
            image,
            black,
            self._given[of],
            target,
            float(score),
            float(baseline_score),
            complete=False,
            mask=self._given["mask"],
            attribute=self._attribute,
        )

    def _attribute(self, image: npt.NDArray[np.float32]) -> Computation[npt.NDArray[np.float32]]:
        yield from ()
        self._seen.append(image[None])
        return self._network.gradient(image, int(self._given["target"]))

    def _answered(self, computation: Computation[Measurement]) -> Measurement:
        answers: Any = None
        while True:
            try:
                requests = computation.send(answers)
            except StopIteration as stop:
                found: Measurement = stop.value
                return found
            answers = []
            for request in requests:
                assert isinstance(request, Predictions)
                images = np.empty((len(request.inputs), *self._given["image"].shape), np.float32)
                request.inputs.write(range(len(images)), images)
                self._seen.append(images)
                scores = self._network.scores(images)
                answers.append(scores if request.target is None else scores[:, request.target])


@click.command()
@click.option("--peers", multiple=True, type=click.Choice([*CHANNELS]))
@click.option("--work", type=click.Path(path_type=Path), help="Folder of the environments.")
def main(peers: tuple[str, ...], work: Path | None) -> None:
    """Print the table; several --peers may be given."""
    folder = (work or platformdirs.user_cache_path("igcli-benchmark-peers")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    print("| peer | its metric | ours | its value | relative difference | matched, or why |")
    print("|---|---|---|---|---|---|")
    for peer in (each for each in (*PEERS, QUANTUS) if each.name in (peers or CHANNELS)):
        rows = [row for row in ROWS if row.peer == peer.name]
        given = problem(CHANNELS[peer.name])
        ours = {row.name: Ours(given).measure(row) for row in rows}
        inputs: Any = {f"{name}_inputs": images for name, (_, images) in ours.items()}
        blurred = blurred_images(Ours(given).subject(), PicAicOptions())
        inputs["seen"] = blurred.shown[0] if blurred else ()
        file = folder / f"metrics-{peer.name}.npz"
        np.savez(file, **{**given, **inputs})
        try:
            found = theirs(WORKERS / f"{peer.name}_worker.py", python_for(peer, folder), file)
        except NotInstalledError as error:
            print(f"| {peer.name} | does not install: {error} | | | | |")
            continue
        for row in rows:
            own, other = ours[row.name][0], float(found[row.name])
            difference = abs(other - own) / abs(own)
            print(
                f"| {peer.name} | {row.name} | {row.metric} | {other:.5g} | {difference:.1e} | "
                f"{row.why} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
