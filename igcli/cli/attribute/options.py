"""What the commands that attribute images are told beside the settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import click

from igcli.cli.completion import PathType
from igcli.cli.setting_options import setting_options
from igcli.cli.terminal import verbosity
from igcli.outputs.existing import OnExisting

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says beside the settings; each is an option of the same name."""

    images: tuple[str, ...]
    files_from: str | None
    nul: bool
    input_format: Literal["files", "tar"]
    limit: int | None
    shard: str | None
    engine: Literal["local", "ray"]
    workers: int | None
    ray_address: str | None
    follow_symlinks: bool
    dry_run: bool
    on_existing: OnExisting
    retry_failed: bool
    trust_model: bool


def run_options(command: Command) -> Command:
    """Give a command the images and the options that `attribute` and `gif` share."""
    command = setting_options(verbosity(command))
    for option in reversed(
        (
            click.argument("images", nargs=-1, type=PathType(), metavar="[IMAGES]..."),
            click.option(
                "--files-from",
                type=PathType(home=True),
                metavar="FILE",
                help="Read paths of images from a file, or -.",
            ),
            click.option(
                "-0", "--null", "nul", is_flag=True, help="Paths read and printed end in NUL."
            ),
            click.option(
                "--input-format",
                type=click.Choice(["files", "tar"]),
                default="files",
                show_default=True,
                help="What IMAGES are: image files, or tar files of images, as WebDataset has "
                "them; of each, a tar file of results.",
            ),
            click.option("--limit", type=click.IntRange(min=1), help="Take the first so many."),
            click.option(
                "--shard",
                metavar="I/N",
                help="Take part I of N, from 1 on; auto/N, auto: as SLURM or Kubernetes tell.",
            ),
            click.option(
                "--engine",
                type=click.Choice(["local", "ray"]),
                default="local",
                show_default=True,
                help="Run in this process, or on workers that Ray keeps (extra ray).",
            ),
            click.option(
                "--workers",
                type=click.IntRange(min=1),
                help="With --engine ray: so many, each with a network; by default one for each "
                "GPU or 4 cores.",
            ),
            click.option(
                "--ray-address",
                metavar="ADDRESS",
                help="With --engine ray: a cluster that is there; by default RAY_ADDRESS, else "
                "one is started on this machine.",
            ),
            click.option(
                "--follow-symlinks", is_flag=True, help="Walk folders that links lead to, too."
            ),
            click.option(
                "--dry-run", is_flag=True, help="Count, estimate the time and write nothing."
            ),
            click.option(
                "--on-existing",
                type=click.Choice(["resume", "error", "overwrite"]),
                default="resume",
                show_default=True,
                help="What to do where the output is not empty.",
            ),
            click.option(
                "--retry-failed", is_flag=True, help="Try images that failed in earlier runs again."
            ),
            click.option(
                "--trust-model", is_flag=True, help="Let a Keras file run its author's code."
            ),
            click.option(
                "--json", "as_json", is_flag=True, help="Records on standard output, not paths."
            ),
        )
    ):
        command = option(command)
    return command
