"""What shards agree on before any of them writes results: whoever comes first decides."""

import json
from collections.abc import Mapping

from igcli.config.dump import to_yaml
from igcli.errors import UsageError
from igcli.outputs import run_files
from igcli.outputs.shards import FOLDER, RunLocation
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.fingerprint import REVISION, config_sha256

Identity = Mapping[str, str | int]
NAME = f"{FOLDER}/run.json"
SAME = {
    "revision": "version of igcli",
    "shards": "number of shards",
    "model_sha256": "network",
    "config_sha256": "configuration, or other files that it names",
}


def agree(place: RunLocation, earlier: Earlier, model_sha256: str) -> bool:
    """Refuse a network, or files that settings name, other than those of results and other shards.

    Returns:
        Whether the configuration is agreed, too; if not, another shard wrote one first, which is
        to be looked at.

    Raises:
        UsageError: They are others.
        OutputError: Nothing can be written.
    """
    folder = place.folder
    earlier.refuse_other_model(place, model_sha256)
    if place.shard is None:
        return True
    own: Identity = {
        "shards": place.shard.count,
        "model_sha256": model_sha256,
        "config_sha256": config_sha256(earlier.described),
        "revision": REVISION,
    }
    if not folder.write_new(NAME, json.dumps(own).encode("ascii") + b"\n"):
        with folder.open_to_read(NAME) as file:
            _refuse_other(own, _read(file.read(1 << 16)), folder.path)
    return run_files.write_new_config(folder, to_yaml(earlier.described))


def _refuse_other(own: Identity, others: Mapping[str, object], path: str) -> None:
    changed = [words for key, words in SAME.items() if others.get(key) != own[key]]
    if changed:
        raise UsageError(
            f"output {path!r}: other shards run with another {' and another '.join(changed)}; "
            "use the same or choose another output"
        )


def agreed_batch_size(place: RunLocation, size: int, device: str) -> int:
    """Return the batch size of the first shard on such a device: the last bits depend on it.

    Args:
        place: Where results go.
        size: The one to take where this shard is the first.
        device: TensorFlow's name.

    Raises:
        OutputError: It cannot be read or written.
    """
    folder = place.folder
    name = f"{FOLDER}/batch-size-{'cpu' if device.startswith('CPU') else 'gpu'}.json"
    if place.shard is None or folder.write_new(name, f"{size}\n".encode()):
        return size
    with folder.open_to_read(name) as file:
        text = file.read(16)
    return int(text) if text.strip().isdigit() else size


def _read(data: bytes) -> dict[str, object]:
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
