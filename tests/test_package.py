"""The wheel holds what the command needs, and nothing else."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DATA = {
    "igcli/py.typed",
    "igcli/models/demo/demo.keras",
    "igcli/models/demo/labels.txt",
    "igcli/models/imagenet_labels.txt",
    "igcli/render/fonts/DejaVuSansCondensed.ttf",
    "igcli/render/fonts/LICENSE_DEJAVU",
    "igcli/gallery/templates/gallery.html",
    "igcli/gallery/templates/gallery.css",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built from a copy of the tracked files."""
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet"]
    subprocess.run([*build, "--wheel-dir", folder, folder / "source"], check=True)
    [path] = folder.glob("igcli-*.whl")
    return zipfile.ZipFile(path)


def test_every_module_and_data_file_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "igcli").rglob("*.py")}
    scripts = {str(path.relative_to(ROOT)) for path in (ROOT / "igcli").rglob("*.js")}
    assert scripts
    assert names >= modules | scripts | DATA


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    version = PROJECT["version"]
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"igcli", f"igcli-{version}.dist-info"}


def test_metadata_name_the_command_and_the_licence(wheel: zipfile.ZipFile) -> None:
    info = f"igcli-{PROJECT['version']}.dist-info"
    metadata = wheel.read(f"{info}/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert "Requires-Python: <3.14,>=3.11" in metadata
    assert "igcli = igcli.cli:main" in wheel.read(f"{info}/entry_points.txt").decode()
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
