"""Checks of the settings before a network is loaded. Importing this does not import NumPy."""

from pathlib import Path

from igcli import methods
from igcli.config.schema import Settings
from igcli.errors import UsageError
from igcli.integration import baselines
from igcli.methods import METHODS, ExpectedGradientsOptions, own_options
from igcli.models import options as model_options
from igcli.pipeline.explain.targets import check_file, check_syntax
from igcli.pipeline.fonts import check_font
from igcli.registry import suggestion


def methods_of(settings: Settings, *, panels: bool) -> tuple[str, ...]:
    """Return the methods of a run: the main one first, then those that only columns name."""
    in_columns = (name for name in columns_of(settings, panels=panels) if name in METHODS)
    return tuple(dict.fromkeys((settings.method, *in_columns)))


def columns_of(settings: Settings, *, panels: bool) -> tuple[str, ...]:
    """Return the columns of all pictures of a run."""
    columns = settings.panel.columns if panels else ()
    return (*columns, *(settings.gif.columns if settings.gif is not None else ()))


def check(settings: Settings, *, panels: bool) -> None:
    """Refuse settings that contradict each other or whose files are missing.

    Raises:
        UsageError: One line about the first problem.
    """
    model_options.check_files(settings.model)
    _check_baseline(settings.baseline.kind)
    check_syntax(settings.target, where="target")
    if settings.targets:
        check_file(settings.targets)
    if settings.panel.font is not None:
        check_font(settings.panel.font)
    names = methods_of(settings, panels=panels)
    methods.check_installed(names)
    methods.check_steps(names, settings)
    if "expected_gradients" in names:
        _check_folder(own_options(settings, ExpectedGradientsOptions).folder)
    if settings.gif is not None and not methods.load(settings.method).INTERIOR:
        capable = [name for name in METHODS if methods.load(name).INTERIOR]
        raise UsageError(
            f"method: {settings.method} has no interior gradients, which GIFs show: use "
            f"{' or '.join(capable)}"
        )


def _check_folder(folder: str | None) -> None:
    key = "expected_gradients.folder"
    if folder is None:
        raise UsageError(f"{key}: missing; give a folder of images to draw baselines from")
    if not Path(folder).is_dir():
        raise UsageError(f"{key}: no such folder: {folder}")


def _check_baseline(kind: str) -> None:
    if not baselines.is_name(kind) and not Path(kind).is_file():
        names = baselines.names()
        raise UsageError(
            f"baseline: no such file: {kind}{suggestion(kind, names)} "
            f"(known names: {', '.join(names)})"
        )
