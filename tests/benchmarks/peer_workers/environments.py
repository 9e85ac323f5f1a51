"""A virtual environment for each peer, made once and used again."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

# "Our TensorFlow" for those that run on it.
OURS = tuple(f"{name}=={version(name)}" for name in ("tensorflow", "keras"))


class NotInstalledError(Exception):
    """A peer that cannot be had here; the message is the reason."""


@dataclass(frozen=True)
class Peer:
    """A library that is compared with.

    Attributes:
        name: Of its module here, and of its environment.
        requirements: What pip installs, with the packages that they need.
        alone: What pip installs without: its pins keep it from our TensorFlow.
        pythons: Versions of Python that it runs on where ours need not be one.
    """

    name: str
    requirements: tuple[str, ...]
    alone: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ()


PEERS = (
    Peer(
        "alibi",
        ("alibi==0.9.6", "tensorflow==2.14.*", "numpy<2", "click"),
        pythons=("3.11", "3.10", "3.9"),
    ),
    Peer("saliency", ("saliency==0.2.1", *OURS)),
    Peer("captum", ("captum==0.9.*", "torch==2.13.0")),
    Peer(
        "xplique",
        (
            *OURS,
            "deprecated",
            "einops",
            "matplotlib",
            "opencv-python-headless",
            "scikit-image",
            "scikit-learn",
            "tensorflow-probability",
            "tf-keras",
        ),
        alone=("xplique==2.0.2",),
    ),
)

QUANTUS = Peer("quantus", ("quantus==0.6.*", "torch==2.13.0"))
"""It has metrics alone."""


def python_for(peer: Peer, folder: Path) -> Path:
    """Return the interpreter of a peer's environment, made where it is not there.

    Raises:
        NotInstalledError: It cannot be made.
    """
    home = folder / peer.name
    python, marker = home / "bin" / "python", home / "installed.json"
    wanted = json.dumps([peer.requirements, peer.alone])
    if marker.exists() and marker.read_text() == wanted:
        return python
    print(f"installing {peer.name} below {folder}", file=sys.stderr)
    _run([_base_python(peer), "-m", "venv", str(home)])
    for options, packages in ((), peer.requirements), (("--no-deps",), peer.alone):
        if packages:
            _run([str(python), "-m", "pip", "install", "-q", *options, *packages])
    marker.write_text(wanted)
    return python


def _base_python(peer: Peer) -> str:
    current = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not peer.pythons or current in peer.pythons:
        return sys.executable
    for each in peer.pythons:
        found = shutil.which(f"python{each}")
        if found:
            return found
    raise NotInstalledError(f"needs Python {' or '.join(peer.pythons)}")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise NotInstalledError(errors[0].removeprefix("ERROR: "))
