"""What all shards of a run must have in common: the first shard decides, others must match."""

import json
from collections.abc import Mapping

from igcli.config.dump import to_yaml
from igcli.errors import UsageError
from igcli.outputs import run_files
from igcli.outputs.shards import FOLDER, RunLocation
from igcli.pipeline.resume.earlier import EarlierResults
from igcli.pipeline.resume.fingerprint import REVISION, config_sha256

NAME = f"{FOLDER}/run.json"
COMMON = {
    "revision": "version of igcli",
    "shards": "number of shards",
    "model_sha256": "network",
    "config_sha256": "configuration, or other files that it names",
}
"""What shards have in common, by its key in run.json, in the words of an error message."""


def agree_with_shards(location: RunLocation, earlier: EarlierResults, model_sha256: str) -> bool:
    """Refuse a network or files that differ from those of existing results and other shards.

    Returns:
        Whether the configuration is written. If not, another shard wrote one first, and the
        caller has to compare with it.

    Raises:
        UsageError: They differ.
        OutputError: The output cannot be written.
    """
    folder = location.folder
    earlier.refuse_other_model(location, model_sha256)
    if location.shard is None:
        return True
    own: dict[str, str | int] = {
        "shards": location.shard.count,
        "model_sha256": model_sha256,
        "config_sha256": config_sha256(earlier.config),
        "revision": REVISION,
    }
    if not folder.write_new(NAME, json.dumps(own).encode("ascii") + b"\n"):
        with folder.open_to_read(NAME) as file:
            _refuse_other(own, _read(file.read(1 << 16)), folder.path)
    return run_files.write_new_config(folder, to_yaml(earlier.config))


def _refuse_other(own: Mapping[str, object], other: Mapping[str, object], path: str) -> None:
    changed = [words for key, words in COMMON.items() if other.get(key) != own[key]]
    if changed:
        raise UsageError(
            f"output {path!r}: other shards run with another {' and another '.join(changed)}; "
            "use the same or choose another output"
        )


def agreed_batch_size(location: RunLocation, size: int, device: str) -> int:
    """Return the batch size of the first shard on such a device: the last bits depend on it.

    Args:
        location: Where results go.
        size: Batch size to use if this shard is the first one.
        device: TensorFlow's name of the device.

    Raises:
        OutputError: It cannot be read or written.
    """
    folder = location.folder
    name = f"{FOLDER}/batch-size-{'cpu' if device.startswith('CPU') else 'gpu'}.json"
    if location.shard is None or folder.write_new(name, f"{size}\n".encode()):
        return size
    with folder.open_to_read(name) as file:
        text = file.read(16)
    return int(text) if text.strip().isdigit() else size


def _read(data: bytes) -> dict[str, object]:
    try:
        content = json.loads(data)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
