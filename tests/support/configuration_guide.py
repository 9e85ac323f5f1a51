"""The configuration guide, written from the schema.

PYTHONPATH=tests python -m support.configuration_guide > .github/docs/configuration.md
"""

import sys
from collections.abc import Iterator

import yaml

from igcli.config.keys import Key
from igcli.config.schema import KEYS
from igcli.config.validation_messages import words
from igcli.options import Expected, PathField

HEAD = """\
<!-- Written by tests/support/configuration_guide.py from the docstrings of the options. -->

# Configuration

Settings come from the file given with `-c`, else from `igcli.yaml` in the current folder. An
option of the same name beats the file: `--batch-size` for `batch_size`, `--panel-style` for `style`
under `panel`. Switches have a negative form (`--no-gif`). Paths in a file are relative to that
file.
`model`, `baseline` and `gif` also take a plain value (`model: keras:ResNet50`, `baseline: white`,
`gif: true`). Types are strict: `steps: '50'` is an error, and so is a key without a value.

`igcli config init` writes a commented file with every key, `igcli config show` prints the resolved
configuration, `igcli config check FILE` reports every mistake with its line and column.
"""


def guide() -> str:
    """Return the whole guide as Markdown."""
    plain = [key for key in KEYS if not key.children]
    groups = [key for key in KEYS if key.children]
    lines = [HEAD, *_table("Top level", plain)]
    for group in groups:
        lines += [*_table(f"`{group.name}`", list(_leaves(group)), group.help)]
    return "\n".join(lines)


def _leaves(key: Key) -> Iterator[Key]:
    for child in key.children:
        if not child.children or child.scalars:
            yield child
        yield from _leaves(child)


def _table(title: str, keys: list[Key], introduction: str = "") -> list[str]:
    rows = [
        f"| `{key.name}` | {_cell(_type(key))} | {_default(key)} | {_cell(key.help)} |"
        for key in keys
    ]
    head = ["| key | value | default | meaning |", "|---|---|---|---|"]
    return [f"## {title}\n", *([f"{introduction}\n"] if introduction else []), *head, *rows, ""]


def _type(key: Key) -> str:
    if not key.path_field or any(option.mark(Expected) for option in key.scalars):
        return words(key.scalars)
    has_names = key.path_field.is_name is not PathField().is_name
    return "a name or a path" if has_names else "a path"


def _default(key: Key) -> str:
    if key.default is None:
        return f"e.g. `{_inline(key.examples[0])}`" if key.examples else "none"
    return f"`{_inline(key.default)}`"


def _inline(value: object) -> str:
    value = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(guide())
