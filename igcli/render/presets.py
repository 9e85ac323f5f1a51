"""Looks of published systems, as values of the panel's options.

Each sets all options that its style reads, so that one look can take the place of another.
"""

from collections.abc import Mapping
from typing import Any

_NOTEBOOK = {
    "style": "clipped",
    "polarity": "positive",
    "headings": "full",
    "clip_above": 95.0,
    "clip_below": 58.0,
    "cleanup": True,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "published": {
        "columns": ("image", "label", "method"),
        "style": "overlay",
        "polarity": "positive",
        "headings": "full",
    },
    "published_2017_06": {
        "columns": ("image", "label", "method", "gradients"),
        "style": "overlay",
        "polarity": "both",
        "headings": "short",
    },
    "published_2016": {
        "columns": ("image", "label", "method", "gradients"),
        "style": "windowing",
        "headings": "pictures",
    },
    "notebook": {
        "columns": ("image", "label", "method"),
        **_NOTEBOOK,
        "outlines": False,
    },
    "notebook_outlines": {
        "columns": ("image", "label", "method"),
        **_NOTEBOOK,
        "outlines": True,
    },
    "explainer": {
        "columns": ("image", "label", "method", "colorbar"),
        "style": "blended_heat_map",
        "headings": "full",
        "sign": "all",
        "outlier_percent": 2.0,
    },
}
