"""Styles of drawing an attribution: one file each, its name the file's name.

Each module has the functions of `igcli.render.style_common.Style`, where it is loaded.
"""

from igcli import registry


def names() -> tuple[str, ...]:
    """Return the names of the styles, sorted; imports no NumPy."""
    return registry.names(__path__)
