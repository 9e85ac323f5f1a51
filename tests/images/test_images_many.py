"""No step before the first image holds all names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "scale.py"


@pytest.mark.parametrize(
    ("count", "most"), [(100_000, 120), pytest.param(10_000_000, 500, marks=pytest.mark.full)]
)
def test_names_are_listed_compared_and_shared_out_in_little_memory(count: int, most: int) -> None:
    command = [sys.executable, str(SCRIPT), "--names", str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print(done.stdout)  # noqa: T201
    words = rf"{count:,} names .* s, (\d+) MB; shards of ([\d,]+) to ([\d,]+)"
    match = re.match(words, done.stdout)
    assert match is not None
    megabytes, fewest, largest = (int(group.replace(",", "")) for group in match.groups())
    assert megabytes < most
    # A thousand shards: names fall on them as independent draws do, within six deviations.
    mean = count / 1000
    assert mean - 6 * mean**0.5 < fewest <= mean <= largest < mean + 6 * mean**0.5
