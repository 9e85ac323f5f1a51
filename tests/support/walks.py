"""Walks over images, and the lists of paths that they take."""

import io
import os

from igcli.images.listing import Listing
from igcli.images.sources import Walk


def names(walk: Walk) -> list[str]:
    """Return the names of a walk's images, in its order."""
    return [source.name for source in walk]


def listing(*paths: str) -> Listing:
    """Return a list of these paths."""
    return Listing(io.BytesIO(b"\0".join(map(os.fsencode, paths))), nul=True)
