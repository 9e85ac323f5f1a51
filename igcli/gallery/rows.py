"""The cards of a page as compact rows: what many have in common is written once.

A browser parses all rows before it shows the first card. Most files of an image are named after
it, so a row tells only that they are there, and spells out the names that differ. The page's
script `01_rows.js` reads the rows.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from igcli.gallery.view_model import Card, GalleryPage, View

JPEG = ".jpg"
"""The suffix that the names of an image's files leave out."""

NONE, AS_USUAL, OTHER = 0, 1, "="
"""Values of links: there is none; its stem is the usual one; how a link begins that is no stem."""

Pattern = tuple[str, str]
"""What stands before and after the stem of a link."""


def rows(page: GalleryPage) -> dict[str, Any]:
    """Return the cards, and what they have in common, as a JSON value."""
    labels = _numbered(card.label for card in page.cards)
    titles = _numbered(tuple(card.titles) for card in page.cards)
    links = [dict(_links(card)) for card in page.cards]
    keys = list(dict.fromkeys(key for card_links in links for key in card_links))
    patterns = {key: _usual_pattern(key, page.cards, links) for key in keys}
    return {
        "labels": [*labels],
        "titles": [*titles],
        "captions": list(dict.fromkeys(view.caption for card in page.cards for view in card.views)),
        "links": [[key, *patterns[key]] for key in keys],
        "cards": [
            _trimmed(
                [
                    card.name,
                    labels[card.label],
                    [(card.numbers or {}).get(field.key) for field in page.fields],
                    [_link(key, card, card_links, patterns[key]) for key in keys],
                    titles[tuple(card.titles)],
                    card.warnings,
                    card.reason,
                ]
            )
            for card, card_links in zip(page.cards, links, strict=True)
        ],
    }


def _numbered(values: Iterable[Any]) -> dict[Any, int]:
    """Return the places of different values, in the order of their first ones."""
    return {value: place for place, value in enumerate(dict.fromkeys(values))}


def _links(card: Card) -> Iterator[tuple[str, str]]:
    """Yield the links of a card by their keys: "values", "0.panel", "1.attribution2"."""
    named = [("source", card.source), ("values", card.values), ("frames", card.frames)]
    for number, view in enumerate(card.views):
        named += [(f"{number}.{key}", link) for key, link in _view_links(view)]
    yield from ((key, link) for key, link in named if link)


def _view_links(view: View) -> Iterator[tuple[str, str | None]]:
    yield "panel", view.panel
    yield "animation", view.animation
    yield "arrays", view.arrays
    yield "image", view.image
    for place, link in enumerate(view.attributions):
        yield f"attribution{place}", link


def _stem(key: str, card: Card, links: dict[str, str]) -> str:
    """Return the part of a link that the script knows, or reads in the row."""
    view, _, kind = key.rpartition(".")
    if kind == "source":
        return card.name
    if kind == "image" or kind.startswith("attribution"):
        return links.get(f"{view}.image", "").rpartition("/")[2].partition("-")[0]
    return quote(card.name.removesuffix(JPEG))


def _usual_pattern(key: str, cards: Iterable[Card], links: Iterable[dict[str, str]]) -> Pattern:
    patterns: Counter[Pattern] = Counter()
    for card, card_links in zip(cards, links, strict=True):
        stem = _stem(key, card, card_links)
        if key in card_links and stem and stem in card_links[key]:
            before, _, after = card_links[key].rpartition(stem)
            patterns[before, after] += 1
    return patterns.most_common(1)[0][0] if patterns else ("", "")


def _link(key: str, card: Card, links: dict[str, str], pattern: Pattern) -> int | str:
    if key not in links:
        return NONE
    stem = _stem(key, card, links)
    if links[key] != stem.join(pattern):
        return OTHER + links[key]
    return stem if key.endswith(".image") else AS_USUAL


def _trimmed(row: list[Any]) -> list[Any]:
    """Return a row without the empty items at its end."""
    while row and not row[-1]:
        row.pop()
    return row
