"""What the commands that attribute images are told beside the settings."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import click

from igcli.cli.completion import PathType
from igcli.cli.setting_options import setting_options
from igcli.cli.terminal import verbosity
from igcli.errors import UsageError
from igcli.outputs.exclusive_access import OnExisting
from igcli.outputs.folder import OutputFolder
from igcli.outputs.shards import MAX_SHARDS, Shard, started_shards

SLURM, KUBERNETES = "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"
FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})|auto(?:/([0-9]{1,9}))?")


def shard_of(text: str | None, folder: OutputFolder) -> Shard | None:
    """Return the shard that `--shard` names, None where the option is not given.

    Args:
        text: "I/N", "auto/N" or "auto".
        folder: The output, where an earlier shard recorded how many there are.

    Raises:
        UsageError: It is not of this form, out of range, or the environment does not tell it.
    """
    if text is None:
        return None
    form = FORM.fullmatch(text)
    if form is None:
        raise UsageError(f"--shard {text}: give I/N such as 3/7, auto/N or auto")
    number, count, auto_count = form.groups()
    if number is None:
        return _from_environment(None if auto_count is None else int(auto_count), folder)
    return _checked(int(number), int(count), "--shard")


def _from_environment(count: int | None, folder: OutputFolder) -> Shard:
    given = [name for name in (SLURM, KUBERNETES) if os.environ.get(name)]
    if len(given) != 1:
        reason = "both are set" if given else "neither is set"
        raise UsageError(
            f"--shard auto reads {SLURM} or {KUBERNETES}, and {reason}; name the shard: --shard I/N"
        )
    [name] = given
    number = _number(name) + (name == KUBERNETES)
    if count is None:
        count = _recorded(folder) or (_slurm_count() if name == SLURM else None)
    if count is None:
        raise UsageError(
            "--shard auto: the output tells no number of shards yet, nor does the environment; "
            "give it: --shard auto/N"
        )
    return _checked(number, count, f"{name}={os.environ[name]}")


def _recorded(folder: OutputFolder) -> int | None:
    """Return how many shards the output is split into; it beats SLURM's count of a part rerun."""
    counts = {shard.count for shard in started_shards(folder)}
    return counts.pop() if len(counts) == 1 else None


def _slurm_count() -> int | None:
    """Return the size of an array 1-N; that of any other array says nothing."""
    if not os.environ.get("SLURM_ARRAY_TASK_COUNT"):
        return None
    count = _number("SLURM_ARRAY_TASK_COUNT")
    for name, expected in (("SLURM_ARRAY_TASK_MIN", 1), ("SLURM_ARRAY_TASK_MAX", count)):
        if os.environ.get(name) and _number(name) != expected:
            raise UsageError(
                f"--shard auto: {name}={os.environ[name]} is not that of an array 1-{count}; "
                f"submit one that begins at 1: sbatch --array=1-{count}"
            )
    return count


def _number(name: str) -> int:
    text = os.environ[name]
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"--shard auto: {name} is {text!r}, which is no number")
    return int(text)


def _checked(number: int, count: int, source: str) -> Shard:
    if not 1 <= count <= MAX_SHARDS:
        raise UsageError(f"--shard: {count} shards; there can be 1 to {MAX_SHARDS:,}")
    if not 1 <= number <= count:
        hint = f" (sbatch --array=1-{count})" if source.startswith(SLURM) else ""
        raise UsageError(
            f"{source}: there is no shard {number} of {count}; they are 1 to {count}{hint}"
        )
    return Shard(number, count)


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
