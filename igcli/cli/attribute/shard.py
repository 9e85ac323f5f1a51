"""The option `--shard`: which part of a run this process is."""

import os
import re

from igcli.errors import UsageError
from igcli.outputs.folder import OutputFolder
from igcli.outputs.shards import MOST, Shard, begun

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
    counts = {shard.count for shard in begun(folder)}
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
    if not 1 <= count <= MOST:
        raise UsageError(f"--shard: {count} shards; there can be 1 to {MOST:,}")
    if not 1 <= number <= count:
        hint = f" (sbatch --array=1-{count})" if source.startswith(SLURM) else ""
        raise UsageError(
            f"{source}: there is no shard {number} of {count}; they are 1 to {count}{hint}"
        )
    return Shard(number, count)
