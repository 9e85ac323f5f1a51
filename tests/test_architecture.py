"""Rooms import downwards alone, and no modules import each other in a circle."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "igcli"

FLOORS = (
    ("__main__",),
    ("cli", "demo"),
    ("igcli",),
    ("api", "sanity"),
    ("evaluate",),
    ("pipeline", "compare"),
    ("config", "gallery"),
    ("methods", "metrics", "models", "render", "outputs"),
    ("integration", "images"),
    ("records", "options", "registry", "stores", "shortening", "printable"),
    ("urls",),
    ("errors",),
)
"""Names in the package, from the top down: none imports from its own floor or above."""

PIPELINE = ("distributed", "runs", "calibration", "image", "resume", "explain", "engine")
"""Packages in the pipeline, from the top down: each imports only those below it."""

MODULES = {
    ".".join(("igcli", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in PACKAGE.rglob("*.py")
}


def imports(name: str) -> Iterator[str]:
    """Yield the modules of the package that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: relative imports would not be seen here"
            if node.module not in MODULES:
                continue
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else module


def test_every_room_stands_on_one_floor() -> None:
    named = sorted(name for floor in FLOORS for name in floor)
    assert sorted({room(module) for module in MODULES}) == named


def test_rooms_import_downwards() -> None:
    height = {name: -number for number, floor in enumerate(FLOORS) for name in floor}
    upwards = [
        f"{module} imports {imported}"
        for module in MODULES
        for imported in imports(module)
        if room(module) != room(imported) and height[room(imported)] >= height[room(module)]
    ]
    assert upwards == []


def test_packages_of_the_pipeline_import_downwards() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("pipeline/*/__init__.py")}
    assert packages == {*PIPELINE}
    height = {name: -number for number, name in enumerate(PIPELINE)}
    inner = {module: module.split(".")[2] for module in MODULES if module.count(".") > 2}
    upwards = [
        f"{module} imports {imported}"
        for module in inner
        for imported in imports(module)
        if module.startswith("igcli.pipeline.")
        and imported.startswith("igcli.pipeline.")
        and imported in inner
        and height[inner[imported]] > height[inner[module]]
    ]
    assert upwards == []


def test_no_circles() -> None:
    graph = {module: set(imports(module)) - {module} for module in MODULES}
    TopologicalSorter(graph).prepare()


def test_tensorflow_stays_in_its_rooms() -> None:
    allowed = {"models", "demo"}
    outside = [
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if name.split(".")[0] in {"tensorflow", "keras", "tf_keras"} and room(module) not in allowed
    ]
    assert outside == []
