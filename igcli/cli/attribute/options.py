"""The options of `attribute` and `gif` that are not settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import click

from igcli.cli.bounded_numbers import PositiveInteger
from igcli.cli.completion import Choice, PathType
from igcli.cli.setting_options import setting_options
from igcli.cli.terminal import verbosity
from igcli.outputs.exclusive_access import OnExisting

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values of the options that are not settings; each option has the same name."""

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


_OPTIONS = (
    click.argument("images", nargs=-1, type=PathType(), metavar="[IMAGES]..."),
    click.option("--limit", type=PositiveInteger(), help="Process at most N images.", metavar="N"),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Count the images and estimate the time, but write nothing.",
    ),
    click.option(
        "--files-from",
        type=PathType(home=True),
        metavar="FILE",
        help="Read the paths of images from FILE, or from standard input if it is -.",
    ),
    click.option(
        "-0",
        "--null",
        "nul",
        is_flag=True,
        help="End paths with NUL, both those read and those printed.",
    ),
    click.option(
        "--input-format",
        type=Choice(["files", "tar"]),
        default="files",
        show_default=True,
        help="Read IMAGES as image files, or as tar files of images (WebDataset), each of which "
        "gives a tar file of results.",
    ),
    click.option(
        "--follow-symlinks", is_flag=True, help="Follow links to folders when searching folders."
    ),
    click.option(
        "--on-existing",
        type=Choice(["resume", "error", "overwrite"]),
        default="resume",
        show_default=True,
        help="What to do if the output holds results: continue, stop or start over.",
    ),
    click.option("--retry-failed", is_flag=True, help="Retry images that failed in earlier runs."),
    click.option(
        "--json", "as_json", is_flag=True, help="Print records to standard output, not paths."
    ),
    click.option(
        "--trust-model", is_flag=True, help="Allow a Keras file to execute code from its author."
    ),
    click.option(
        "--shard",
        metavar="I/N",
        help="Process part I of N; auto/N or auto takes the part from SLURM or Kubernetes.",
    ),
    click.option(
        "--engine",
        type=Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Run in this process, or on Ray workers (requires igcli[ray]).",
    ),
    click.option(
        "--workers",
        type=PositiveInteger(),
        metavar="N",
        help="Number of Ray workers; by default one for each GPU or for every 4 cores.",
    ),
    click.option(
        "--ray-address",
        metavar="ADDRESS",
        help="Address of an existing Ray cluster; by default RAY_ADDRESS, else a new cluster on "
        "this machine.",
    ),
)


def run_options(command: Command) -> Command:
    """Add the argument IMAGES and the options that `attribute` and `gif` share to a command."""
    command = setting_options(verbosity(command))
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
