"""The option --shard: I/N, or the part of an array job of SLURM or Kubernetes."""

import os
import re

from igcli.errors import UsageError
from igcli.outputs.folder import OutputFolder
from igcli.outputs.shards import MAX_SHARDS, Shard, started_shards

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
