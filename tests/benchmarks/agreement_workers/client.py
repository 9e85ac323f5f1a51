"""Runs a peer's script in the peer's environment."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

TESTS = Path(__file__).parents[2]


def theirs(worker: Path, python: Path, given: Path) -> dict[str, npt.NDArray[Any]]:
    """Return what a peer finds.

    Args:
        worker: Script that reads the problem and writes its results.
        python: Interpreter of the peer's environment.
        given: The problem's arrays, in a file.

    Raises:
        ClickException: Its process fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.npz"
        command = [str(python), str(worker), str(given), str(found)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": str(TESTS)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"{worker.stem}: {done.stderr.strip().splitlines()[-1]}")
        with np.load(found) as file:
            return dict(file)
