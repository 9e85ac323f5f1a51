"""A page in a single file: it holds all that it shows, so that it can be sent to others.

Pictures are data URLs. The values of an image are JSON in an element of the page, where the page's
script finds them and loads nothing. Left out is what the view does not show: arrays, the panels of
images that have arrays, and animations whose frames are among the values.
"""

import base64
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count

from igcli.errors import ImageError, OutputError
from igcli.gallery.formatting import text
from igcli.gallery.html import to_html
from igcli.gallery.image_scripts import frames_of, has_frames, run_facts, values_of
from igcli.gallery.json_values import compact
from igcli.gallery.run_page import run_page
from igcli.gallery.served_output import content_type
from igcli.gallery.thumbnails import SUFFIX, ThumbnailMaker, encode_thumbnail
from igcli.gallery.view_model import Card, View
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import Results
from igcli.records import Record

MAX_IMAGES = 200
"""Limit on the images of a file: a browser reads all of it before it shows the first."""

THREADS = 4


def single_html(results: Results) -> str:
    """Return the page of a run with all that it shows, as HTML from its element <html> on."""
    page = run_page(results)
    records = results.records.values()
    with ResultFiles(results.folder) as files, ThreadPoolExecutor(THREADS, "igcli-gallery") as pool:
        embedder = _Embedder(files, results)
        try:
            images = [*pool.map(embedder.embed, page.cards, records, count())]
        finally:
            pool.shutdown(cancel_futures=True)
    scripts = {link: content for image in images for link, content in image.scripts.items()}
    return to_html(replace(page, cards=[image.card for image in images]), scripts)


@dataclass(frozen=True, slots=True)
class _EmbeddedImage:
    """An image of a page in a single file.

    Attributes:
        card: Its card, with pictures as data URLs.
        scripts: The contents of its scripts, by their links.
    """

    card: Card
    scripts: Mapping[str, object]


class _Embedder:
    """Puts the files of images into their cards; safe for several threads.

    Files that are missing or damaged are left out; the view says so of arrays.
    """

    def __init__(self, files: ResultFiles, results: Results) -> None:
        self._read = files.read
        self._run = run_facts(results)
        self._maker = ThumbnailMaker(files, self._run.pictures)

    def embed(self, card: Card, record: Record, number: int) -> _EmbeddedImage:
        """Return an image that holds its files.

        Args:
            card: Its card.
            record: Its record.
            number: Its number, for the links of its scripts.
        """
        scripts: dict[str, object] = {f"values/{number}": self._values(record)}
        frames = self._frames(record)
        if frames is not None:
            scripts[f"frames/{number}"] = frames
        named = {link.partition("/")[0]: link for link in scripts}
        views = [self._view(view, record, has_frames=frames is not None) for view in card.views]
        embedded = replace(card, views=views, values=named["values"], frames=named.get("frames"))
        return _EmbeddedImage(embedded, scripts)

    def _values(self, record: Record) -> object:
        views = [values_of(record, self._run, self._read)]
        return compact({"image": text(record["image"]), "views": views})

    def _frames(self, record: Record) -> object:
        if not has_frames(record):
            return None
        try:
            frames = frames_of(record, self._run, self._read)
        except ImageError:
            return None
        return compact({"image": text(record["image"]), **frames})

    def _view(self, view: View, record: Record, *, has_frames: bool) -> View:
        pictures = self._maker.pictures(record)
        has_values = pictures is not None and bool(record.get("arrays"))
        thumbnails = None if pictures is None else [pictures.image, *pictures.attributions]
        image, *attributions = [
            None if picture is None else data_url(f"thumbnail{SUFFIX}", encode_thumbnail(picture))
            for picture in thumbnails or [None]
        ]
        return View(
            view.caption,
            panel=None if has_values else self._embedded(record.get("panel")),
            animation=None if has_frames else self._embedded(record.get("gif")),
            image=image,
            attributions=attributions,
        )

    def _embedded(self, name: object) -> str | None:
        try:
            return data_url(name, self._read(name)) if isinstance(name, str) else None
        except (ImageError, OutputError):
            return None


def data_url(name: str, data: bytes) -> str:
    """Return the content of a file, whose type its name tells, as a URL."""
    return f"data:{content_type(name)};base64,{base64.b64encode(data).decode('ascii')}"
