"""The options of `attribute` and `gif` that are not settings, and the shard that --shard names."""

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
    click.option(
        "--limit", type=click.IntRange(min=1), help="Process at most N images.", metavar="N"
    ),
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
        type=click.Choice(["files", "tar"]),
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
        type=click.Choice(["resume", "error", "overwrite"]),
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
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Run in this process, or on Ray workers (requires igcli[ray]).",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
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


SLURM, KUBERNETES = "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"
_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})|auto(?:/([0-9]{1,9}))?")


def parse_shard(text: str | None, folder: OutputFolder) -> Shard | None:
    """Return the shard that --shard names, or None without the option.

    Args:
        text: "I/N", "auto/N" or "auto".
        folder: The output, in which earlier shards recorded their number.

    Raises:
        UsageError: The text has another form or is out of range, or the environment does not
            define the shard.
    """
    if text is None:
        return None
    match = _SHARD.fullmatch(text)
    if match is None:
        raise UsageError(f"--shard {text}: expected I/N such as 3/7, auto/N or auto")
    number, count, auto_count = match.groups()
    if number is None:
        return _from_environment(None if auto_count is None else int(auto_count), folder)
    return _checked(int(number), int(count), "--shard")


def _from_environment(count: int | None, folder: OutputFolder) -> Shard:
    """Return the shard of an array job of SLURM or an indexed job of Kubernetes."""
    variables = [name for name in (SLURM, KUBERNETES) if os.environ.get(name)]
    if len(variables) != 1:
        reason = "both are set" if variables else "neither is set"
        raise UsageError(
            f"--shard auto reads {SLURM} or {KUBERNETES}, but {reason}; name the shard: --shard I/N"
        )
    [name] = variables
    number = _number(name) + (name == KUBERNETES)
    if count is None:
        count = _recorded_count(folder) or (_slurm_count() if name == SLURM else None)
    if count is None:
        raise UsageError(
            "--shard auto: neither the output nor the environment defines the number of shards; "
            "give it: --shard auto/N"
        )
    return _checked(number, count, f"{name}={os.environ[name]}")


def _recorded_count(folder: OutputFolder) -> int | None:
    """Return the number of shards in the output, which beats SLURM's count of a partial rerun."""
    counts = {shard.count for shard in started_shards(folder)}
    return counts.pop() if len(counts) == 1 else None


def _slurm_count() -> int | None:
    """Return the size of an array 1-N, None if SLURM does not define it.

    Raises:
        UsageError: The array has another form, so its size is not the number of shards.
    """
    if not os.environ.get("SLURM_ARRAY_TASK_COUNT"):
        return None
    count = _number("SLURM_ARRAY_TASK_COUNT")
    for name, expected in (("SLURM_ARRAY_TASK_MIN", 1), ("SLURM_ARRAY_TASK_MAX", count)):
        if os.environ.get(name) and _number(name) != expected:
            raise UsageError(
                f"--shard auto: {name}={os.environ[name]} does not fit an array 1-{count}; "
                f"submit one that starts at 1: sbatch --array=1-{count}"
            )
    return count


def _number(name: str) -> int:
    """Return the number in an environment variable."""
    text = os.environ[name]
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise UsageError(f"--shard auto: {name} must be a number, not {text!r}")
    return int(text)


def _checked(number: int, count: int, source: str) -> Shard:
    if not 1 <= count <= MAX_SHARDS:
        raise UsageError(
            f"--shard: the number of shards must be from 1 to {MAX_SHARDS:,}, not {count}"
        )
    if not 1 <= number <= count:
        hint = f" (sbatch --array=1-{count})" if source.startswith(SLURM) else ""
        raise UsageError(
            f"{source}: there is no shard {number} of {count}; shards are 1 to {count}{hint}"
        )
    return Shard(number, count)
