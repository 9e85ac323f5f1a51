"""The documents beside the README say what is true, and their links lead somewhere."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from support.configuration_guide import guide

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    *sorted((ROOT / ".github").rglob("*.md")),
    *sorted((ROOT / "igcli").rglob("*.md")),
]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def test_the_configuration_guide_is_that_of_the_schema() -> None:
    written = (ROOT / ".github/docs/configuration.md").read_text()
    assert written == guide(), (
        "run: PYTHONPATH=tests python -m support.configuration_guide "
        "> .github/docs/configuration.md"
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document: Path) -> None:
    links = LINK.findall(document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_are_there(document: Path) -> None:
    names = re.findall(r"`((?:igcli|tests|configs|\.github)/[\w./]+)`", document.read_text())
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_every_guide_is_linked_from_the_readme() -> None:
    linked = {(ROOT / link).resolve() for link in LINK.findall(DOCUMENTS[0].read_text())}
    guides = {path.resolve() for path in (ROOT / ".github/docs").glob("*.md")}
    assert guides <= linked


def test_the_changelog_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[([\d.]+)\]", (ROOT / ".github/CHANGELOG.md").read_text(), re.M)
    assert headings[0] == version


def test_workflows_call_the_gate_on_every_python() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    test = workflow["jobs"]["test"]
    assert [step.get("run") for step in test["steps"]][-1] == ".ci/run"
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tried = {
        f"Programming Language :: Python :: {version}"
        for version in test["strategy"]["matrix"]["python"]
    }
    named = {name for name in requires["classifiers"] if re.search(r"Python :: 3\.\d+$", name)}
    assert tried == named
