"""The command `igcli models`: list, describe, fetch or check networks."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from igcli.cli.completion import PathType
from igcli.cli.help_sections import SectionedCommand
from igcli.cli.setting_options import load_command_settings, setting_options_listing
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.config.keys import walk
from igcli.config.schema import KEYS, Settings
from igcli.errors import FINDINGS, UsageError
from igcli.models.catalog import published
from igcli.models.catalog.applications import APPLICATIONS, PREFIX, cached_weights
from igcli.models.options import NAMES, ModelOptions, check_files, name_hint
from igcli.printable import printable

Command = Callable[..., Any]

UNKNOWN_TRAINING = (
    "this network has no trained batch normalization, so whether model.preprocess fits is unknown: "
    "compare its predictions with known ones"
)

OF_NETWORK = frozenset(key.name for key in walk(KEYS) if key.path[0] == "model") - {"model.source"}
OF_IMAGES = frozenset(("model.fit", "model.resample", "max_pixels", "max_bytes", "icc"))
OF_SCORES = frozenset(("target", "explain", "device"))
"""Keys with an effect on what is known of a network, on images read, and on scores computed."""


@click.group()
def models() -> None:
    """List, describe, fetch or check networks."""


@models.command(name="list")
def list_() -> None:
    """List the networks known by name.

    Prints their input size and whether they are on this machine. Keras and ONNX files,
    SavedModel folders and frozen graphs are named by their path instead.
    """
    for network in published.known_networks():
        state = "here" if network.is_cached else "to fetch"
        click.echo(f"{network.name:<26}{network.size:>4}  {state:<9} {network.origin}")


def _network(listed: frozenset[str]) -> Callable[[Command], Command]:
    """Return a decorator that adds the settings, some of them listed, and --trust-model."""
    option = click.option(
        "--trust-model", is_flag=True, help="Allow a Keras file to execute code from its author."
    )
    return lambda command: verbosity(setting_options_listing(listed)(option(command)))


@models.command(cls=SectionedCommand)
@click.argument("name", type=PathType())
@_network(OF_NETWORK - OF_IMAGES)
def show(name: str, **options: Any) -> None:
    """Describe a network.

    NAME is a name from `igcli models list` or the path of a network.
    """
    settings = _settings(name, options)
    # Imported only after all checks that do not need TensorFlow.
    from igcli.pipeline.model_inspection import describe

    for key, value in describe(settings, trust_model=options["trust_model"]).items():
        click.echo(printable(f"{key}: {value}"))


@models.command(cls=SectionedCommand)
@click.argument("name", type=PathType())
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=PathType())
@_network(OF_NETWORK | OF_IMAGES | OF_SCORES)
def check(name: str, images: tuple[str, ...], **options: Any) -> None:
    """Run a network on images; report problems and remedies.

    NAME is a name from `igcli models list` or the path of a network. Several images give a more
    reliable result than one. The exit code is 3 if problems were found.
    """
    settings = _settings(name, options)
    for image in images:
        if not Path(image).exists():
            raise UsageError(f"{image}: no such file")
        if Path(image).is_dir():
            raise UsageError(f"{image}: is a folder: name the image files in it")
    from igcli.pipeline.model_inspection import check as check_network

    verdict = check_network(settings, images, trust_model=options["trust_model"])
    for image, (label, score) in zip(images, verdict.tops, strict=True):
        say(f"{image}: {label}, {score:.4g}", NOTICE)
    if not verdict.knows_training:
        say(UNKNOWN_TRAINING, NOTICE)
    for finding in verdict.findings:
        click.echo(printable(f"{finding.problem}; {finding.remedy}"))
    if not verdict.findings:
        click.echo(printable(f"{name}: nothing looks wrong"))
    click.get_current_context().exit(FINDINGS if verdict.findings else 0)


@models.command()
@click.argument("name")
@click.option(
    "--from", "archive", metavar="FILE", help="Install the archive FILE, downloaded elsewhere."
)
@verbosity
def fetch(name: str, archive: str | None, *, quiet: bool) -> None:  # noqa: ARG001
    """Download a network and print where it is stored.

    NAME is a name from `igcli models list`.
    """
    if name in published.RELEASES:
        release = published.RELEASES[name]
        if archive is None:
            published.fetch(release)
        else:
            published.install(release, Path(archive))
        click.echo(os.fsencode(published.folder(release)))
        return
    if archive is not None:
        raise UsageError(
            f"--from is only for {', '.join(published.RELEASES)}; Keras downloads {name}"
        )
    if not name.startswith(PREFIX) or name.removeprefix(PREFIX) not in APPLICATIONS:
        hint = "" if name in NAMES else name_hint(name)
        raise UsageError(f"{name}: nothing to fetch{hint or ' (see igcli models list)'}")
    from igcli.models.sources.application import load

    load(ModelOptions(source=name))
    click.echo(os.fsencode(cached_weights(name.removeprefix(PREFIX))))


def _settings(name: str, options: Mapping[str, Any]) -> Settings:
    """Return the settings with the network `name`, which overrides all others."""
    overrides = {
        key: value
        for key, value in options["overrides"].items()
        if key not in ("model", "model.source")
    }
    quiet = options["quiet"]
    settings = load_command_settings(
        options["config_file"], {"model": name, **overrides}, quiet=quiet
    ).settings
    check_files(settings.model)
    return settings
