"""The command `igcli models`."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from igcli.cli.completion import PathType
from igcli.cli.setting_options import setting_options, settings_of
from igcli.cli.terminal import NOTICE, say, verbosity
from igcli.config.schema import Settings
from igcli.errors import UsageError
from igcli.models.catalog import published
from igcli.models.catalog.applications import APPLICATIONS, PREFIX, cached_weights
from igcli.models.options import ModelOptions, check_files
from igcli.printable import printable

Command = Callable[..., Any]

UNKNOWN = (
    "whether model.preprocess fits cannot be told from this network, which has no trained batch "
    "normalization: compare its answers with those that you know"
)

UNFIT = 3
"""Exit code of a check that found something."""


@click.group()
def models() -> None:
    """List, describe, fetch or check networks."""


@models.command(name="list")
def list_() -> None:
    """List the networks known by name, their size and whether they are on this machine.

    Any Keras file, SavedModel folder or frozen graph is named by its path instead.
    """
    for network in published.known_networks():
        here = "here" if network.is_cached else "to fetch"
        click.echo(f"{network.name:<26}{network.size:>4}  {here:<9} {network.origin}")


def _network(command: Command) -> Command:
    """Give a command the settings and whether the network is trusted."""
    option = click.option(
        "--trust-model", is_flag=True, help="Let a Keras file run its author's code."
    )
    return verbosity(setting_options(option(command)))


@models.command()
@click.argument("name", type=PathType())
@_network
def show(name: str, **options: Any) -> None:
    """Say what is known of a network.

    NAME is a name of `igcli models list` or the path of a network.
    """
    settings = _settings(name, options)
    # Imported once everything that can be known without TensorFlow is known to be right.
    from igcli.pipeline.model_inspection import describe

    for key, value in describe(settings, trust_model=options["trust_model"]).items():
        click.echo(printable(f"{key}: {value}"))


@models.command()
@click.argument("name", type=PathType())
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=PathType())
@_network
def check(name: str, images: tuple[str, ...], **options: Any) -> None:
    """Run images and say what looks wrong with a network, each with its remedy.

    NAME is a name of `igcli models list` or the path of a network. Several images give a surer
    verdict than one. The exit code is 3 where something was found.
    """
    settings = _settings(name, options)
    for image in images:
        if not Path(image).exists():
            raise UsageError(f"{image}: no such file")
    from igcli.pipeline.model_inspection import check as inspected

    verdict = inspected(settings, images, trust_model=options["trust_model"])
    for image, (label, score) in zip(images, verdict.tops, strict=True):
        say(f"{image}: {label}, {score:.4g}", NOTICE)
    if not verdict.knows_training:
        say(UNKNOWN, NOTICE)
    for finding in verdict.findings:
        click.echo(printable(f"{finding.problem}; {finding.remedy}"))
    if not verdict.findings:
        click.echo(printable(f"{name}: nothing looks wrong"))
    click.get_current_context().exit(UNFIT if verdict.findings else 0)


@models.command()
@click.argument("name")
@click.option("--from", "archive", metavar="FILE", help="The archive, downloaded elsewhere.")
@verbosity
def fetch(name: str, archive: str | None, *, quiet: bool) -> None:  # noqa: ARG001
    """Bring a network to this machine, and print where it is kept.

    NAME is a name of `igcli models list`.
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
            f"--from: is for {', '.join(published.RELEASES)}; {name} is fetched by Keras"
        )
    if not name.startswith(PREFIX) or name.removeprefix(PREFIX) not in APPLICATIONS:
        raise UsageError(f"{name}: nothing to fetch (see igcli models list)")
    from igcli.models.sources.application import load

    load(ModelOptions(source=name))
    click.echo(os.fsencode(cached_weights(name.removeprefix(PREFIX))))


def _settings(name: str, options: Mapping[str, Any]) -> Settings:
    """Return the settings with the network named, which beats every other naming."""
    overrides = {
        key: value
        for key, value in options["overrides"].items()
        if key not in ("model", "model.source")
    }
    quiet = options["quiet"]
    settings = settings_of(
        options["config_file"], {"model": name, **overrides}, quiet=quiet
    ).settings
    check_files(settings.model)
    return settings
