"""The tables that come of the measurements."""

import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

OURS = "ours"


@dataclass
class Row:
    """One peer in one precision with one network.

    Attributes:
        peer: Its name.
        precision: "float32" or "bfloat16".
        versions: Of its packages.
        searched: Gradients a second by batch, from the search for the best.
        batch_size: The best.
        rates: Gradients a second, of each round.
        peak: Memory of its process, MiB, the highest.
        correlation: Of its attributions with ours in float32, median over the images.
        failure: Why there is nothing else.
    """

    peer: str
    precision: str
    versions: Mapping[str, str] = field(default_factory=dict)
    searched: dict[int, float] = field(default_factory=dict)
    batch_size: int = 0
    rates: list[float] = field(default_factory=list)
    peak: float = 0.0
    correlation: float | None = None
    failure: str | None = None

    @property
    def name(self) -> str:
        """Its name and the versions that matter."""
        versions = [f"{name} {version}" for name, version in self.versions.items()]
        return f"{self.peer} ({', '.join(versions)})" if versions else self.peer


def table(heading: str, rows: Sequence[Row]) -> str:
    """Return a network's table in Markdown."""
    lines = [
        f"| {heading} | precision | batch | gradients/s | peak memory, MB "
        "| igcli / it, same precision | igcli bfloat16 / it | correlation |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        if row.failure is not None:
            lines.append(f"| {row.name} | {row.precision} | not measured: {row.failure} |||||")
            continue
        same, rounded = (_ratio(rows, row, each) for each in (row.precision, "bfloat16"))
        agreement = "–" if row.correlation is None else f"{row.correlation:.4f}"  # noqa: RUF001
        lines.append(
            f"| {row.name} | {row.precision} | {row.batch_size} | {_spread(row.rates)} "
            f"| {row.peak:,.0f} | {same} | {rounded} | {agreement} |"
        )
    return "\n".join(lines)


def _ratio(rows: Sequence[Row], row: Row, precision: str) -> str:
    """Return ours to a peer's, median over rounds, in which they ran one after the other."""
    for ours in rows:
        if ours.peer == OURS and ours.precision == precision and ours is not row:
            pairs = zip(ours.rates, row.rates, strict=False)
            ratios = [our / its for our, its in pairs]
            return f"{statistics.median(ratios):.2f}" if ratios else ""
    return ""


def _spread(rates: Sequence[float]) -> str:
    return f"{statistics.median(rates):.1f} ({min(rates):.1f} to {max(rates):.1f})"


@dataclass(frozen=True)
class Completeness:
    """Relative errors of one peer over the photos, and its gradients for each of them."""

    peer: str
    gradients: float
    median: float
    worst: float


def completeness(peer: str, gradients: int, saved: Path) -> Completeness:
    """Compare the sums of attributions with the differences of scores."""
    with np.load(saved) as found:
        sums = found["attributions"].sum((1, 2, 3), dtype=np.float64)
        differences = found["scores"].astype(np.float64) - found["baseline_scores"]
    errors = np.abs(sums - differences) / np.abs(differences)
    mean = gradients / len(errors)
    return Completeness(peer, mean, float(np.median(errors)), float(errors.max()))


def correlation(one: Path, other: Path) -> float:
    """Return Pearson's correlation of channel means over the pixels, median over the images."""
    with np.load(one) as first, np.load(other) as second:
        maps = [file["attributions"].mean(-1, dtype=np.float64) for file in (first, second)]
    pairs = zip(*maps, strict=True)
    return statistics.median(float(np.corrcoef(a.flat, b.flat)[0, 1]) for a, b in pairs)


def machine() -> str:
    """Name the processor."""
    info = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*: (.*)", info.read_text()) if info.exists() else None
    return named[1] if named else platform.processor() or platform.machine()
