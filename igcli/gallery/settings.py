"""What a run's configuration says, as far as a page's head tells it."""

from typing import Any

import yaml

from igcli.gallery.values import text

TOLD = ("method", "rule", "steps", "baseline", "target", "explain")


def model_of(config: str) -> str:
    """Return the name of the network's source, without its folder; nothing where none is named."""
    model = _settings(config).get("model")
    source = model.get("source") if isinstance(model, dict) else model
    return text(source).rstrip("/").rpartition("/")[2]


def told(config: str) -> str:
    """Return the settings that matter in one line: "integrated_gradients, steps 50"."""
    settings = _settings(config)
    found = {key: settings[key] for key in TOLD if isinstance(settings.get(key), str | int)}
    method = [text(found.pop("method"))] if "method" in found else []
    return ", ".join(method + [f"{key} {text(value)}" for key, value in found.items()])


def _settings(config: str) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(config)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}
