"""A gallery as one file of HTML."""

import base64
import dataclasses
import hashlib
import os
from functools import cache
from typing import Any
from urllib.parse import quote_from_bytes

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from igcli.gallery.view_model import GalleryPage


def url(name: object, folder: str = "") -> str | None:
    """Return the relative URL of an output, byte by byte, so that any name makes a link.

    Args:
        name: Its name in the output, parts joined by "/"; bytes that are not UTF-8 are
            surrogate escapes.
        folder: Where the output folder lies, seen from the page: "../runs/a", or nothing.

    Returns:
        None where `name` is no name inside an output folder.
    """
    if not isinstance(name, str) or any(part in ("", ".", "..") for part in name.split("/")):
        return None
    try:
        path = os.fsencode(f"{folder}/{name}" if folder else name)
    except UnicodeEncodeError:
        return None
    return None if b"\0" in path else quote_from_bytes(path, safe="/")


def to_html(page: GalleryPage) -> str:
    """Return a page as HTML, from its element <html> on.

    Nothing but its own pictures may be loaded, and no script but its own may run: its policy
    names both by their hashes. Texts are escaped; cards go as JSON and become elements there.
    """
    environment = _environment()
    style, script = _source("gallery.css"), _script()
    policy = (
        f"default-src 'none'; img-src 'self'; script-src {_hash(script)}; "
        f"style-src {_hash(style)}; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'"
    )
    return environment.get_template("gallery.html").render(
        page=page,
        failed=sum(bool(card.reason) for card in page.cards),
        warned=sum(bool(card.warnings) for card in page.cards),
        data={
            "fields": [dataclasses.asdict(field) for field in page.fields],
            "cards": [_compact(dataclasses.asdict(card)) for card in page.cards],
        },
        policy=policy,
        style=Markup(style),  # noqa: S704 - our own, as it was hashed
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
    # Mappings keep their order; surrogates and U+2028 are escaped as all that is not ASCII.
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def _script() -> str:
    """Return the page's script: its parts in the order of their names, in a scope of their own."""
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


def _compact(value: Any) -> Any:
    """Leave out what is empty: thousands of cards are read before the first is shown."""
    if isinstance(value, dict):
        compact = {key: _compact(item) for key, item in value.items()}
        return {key: item for key, item in compact.items() if item not in (None, "", [], {})}
    if isinstance(value, list | tuple):
        return [_compact(item) for item in value]
    return value
