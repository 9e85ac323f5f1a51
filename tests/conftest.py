"""Fixtures that several rooms share."""

import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from igcli.cli import main

SHARED = Path(__file__).parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the pages be tried in a slow browser, where what does not wait is found."""
    parser.addoption("--slow-pages", action="store_true", help="slow down the browser")


@dataclass(frozen=True)
class Result:
    """The exit code and output of a command."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.decode().splitlines()


Cli = Callable[..., Result]


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use an empty cache folder instead of the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IGCLI_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Undo what the command line does to the log, such as hiding warnings with -q."""
    log = logging.getLogger("igcli")
    level, handlers, propagate = log.level, log.handlers, log.propagate
    yield
    log.setLevel(level)
    log.handlers, log.propagate = handlers, propagate


@pytest.fixture
def cli(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> Cli:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["igcli", *map(str, arguments)])
        capfdbinary.readouterr()
        code = main()
        out, err = capfdbinary.readouterr()
        return Result(code, out, err.decode())

    return run


@pytest.fixture
def command(tmp_path: Path) -> Cli:
    """Run the installed command in a new process."""

    def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "igcli", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .keras file: 16x16 pixels 0...255 to three softmax scores, with seeded weights."""
    path = tmp_path_factory.mktemp("model") / "tiny.keras"
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 64, name="rescaling")(inputs)
    x = keras.layers.Conv2D(4, 3, activation="tanh", name="conv2d")(x)
    x = keras.layers.Flatten(name="flatten")(x)
    model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
    rng = np.random.default_rng(11)
    model.set_weights([rng.normal(0, 0.1, weight.shape) for weight in model.get_weights()])
    model.save(path)
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of photos and models beside the checkout."""
    if not SHARED.is_dir():
        pytest.skip("../shared is missing")
    return SHARED


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run a test in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Create empty files in a new current folder."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str | bytes) -> Path:
        for name in names:
            path = tmp_path / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path

    return make


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run a test without root privileges, in an empty folder."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    folder = Path(tempfile.mkdtemp())
    monkeypatch.chdir(folder)
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        os.chdir("/")
        for path, _, _ in os.walk(folder):
            Path(path).chmod(0o700)
        shutil.rmtree(folder)
