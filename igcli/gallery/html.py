"""A gallery as a single HTML file."""

import base64
import hashlib
import os
from collections.abc import Mapping
from functools import cache
from urllib.parse import quote_from_bytes

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from igcli.gallery.json_values import compact
from igcli.gallery.rows import rows
from igcli.gallery.view_model import GalleryPage


def url(name: object, folder: str = "") -> str | None:
    """Return the relative URL of a file in an output, encoded byte by byte so that any name works.

    Args:
        name: Its name in the output, parts joined by "/"; bytes that are not UTF-8 are
            surrogate escapes.
        folder: Path of the output folder relative to the page: "../runs/a"; empty if it is the
            page's own folder.

    Returns:
        None if `name` is not a name inside an output folder.
    """
    if not isinstance(name, str) or any(part in ("", ".", "..") for part in name.split("/")):
        return None
    try:
        path = os.fsencode(f"{folder}/{name}" if folder else name)
    except UnicodeEncodeError:
        return None
    return None if b"\0" in path else quote_from_bytes(path, safe="/")


def content_policy(*, is_single: bool = False) -> str:
    """Return the content security policy of pages.

    It allows a page its own pictures only, its own script and style by their hashes, and the
    scripts that this script loads: those with the values of an image.

    Args:
        is_single: Whether the page is a single file, which loads nothing and holds its pictures.
    """
    pictures, loaded = ("data:", "") if is_single else ("'self'", " 'strict-dynamic'")
    return (
        f"default-src 'none'; img-src {pictures}; script-src {_hash(_script())}{loaded}; "
        f"style-src {_hash(_source('gallery.css'))}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types igcli"
    )


def to_html(page: GalleryPage, scripts: Mapping[str, object] | None = None) -> str:
    """Return a page as HTML, from its element <html> on.

    Texts are escaped; cards are embedded as JSON, from which the script makes elements.

    Args:
        page: The page.
        scripts: For a page in a single file, the contents of the scripts that cards link, by their
            links: JSON values.
    """
    environment = _environment()
    style, script = _source("gallery.css"), _script()
    return environment.get_template("gallery.html").render(
        page=page,
        failed=sum(bool(card.reason) for card in page.cards),
        warned=sum(bool(card.warnings) for card in page.cards),
        data={
            "fields": [compact(field) for field in page.fields],
            "histograms": [
                {"key": histogram.key, "edges": histogram.edges} for histogram in page.histograms
            ],
            **rows(page),
        },
        scripts=scripts or {},
        policy=content_policy(is_single=scripts is not None),
        style=Markup(style),  # noqa: S704 - our own, as hashed above
        script=Markup(script),  # noqa: S704
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("igcli.gallery"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # Mappings keep their order; all but ASCII is escaped, surrogates and U+2028 included.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def _script() -> str:
    """Return the page's script: its files in the order of their names, in one block scope."""
    parts = _environment().list_templates(extensions=["js"])
    return '"use strict";\n{\n' + "\n".join(map(_source, parts)) + "}\n"


def _source(name: str) -> str:
    environment = _environment()
    loader = environment.loader
    if loader is None:
        raise ValueError("the environment has no templates")
    return loader.get_source(environment, name)[0]


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
