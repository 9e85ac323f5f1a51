"""The settings of a run as its config.yaml tells them; the file may be missing or edited."""

from dataclasses import dataclass
from typing import Any, Self

import yaml
from pydantic import ValidationError

from igcli.render.options import PanelOptions


def settings_of(config: str) -> dict[str, Any]:
    """Return the settings in the text of a config.yaml; empty if it holds none."""
    try:
        settings = yaml.safe_load(config)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}


@dataclass(frozen=True, slots=True)
class PictureSettings:
    """How a run has drawn its panels.

    Attributes:
        method: The main method.
        panel: The settings of panels; the defaults if those of the run cannot be read.
    """

    method: str
    panel: PanelOptions

    @classmethod
    def of(cls, config: str) -> Self:
        """Return the settings in the text of a config.yaml."""
        settings = settings_of(config)
        method, panel = settings.get("method"), settings.get("panel")
        try:
            options = PanelOptions.model_validate(panel if isinstance(panel, dict) else {})
        except ValidationError:
            options = PanelOptions()
        return cls(method if isinstance(method, str) else "integrated_gradients", options)
