"""Class names."""

from pathlib import Path

from igcli.errors import ModelError


def read(path: str, outputs: int) -> tuple[str, ...]:
    """Return the class names in a file, a line each.

    Args:
        path: A text file in UTF-8.
        outputs: How many the network has.

    Raises:
        ModelError: The file cannot be read, or has another number of lines.
    """
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ModelError(f"model.labels: {path}: {reason}") from None
    names = tuple(line.strip() for line in text.splitlines())
    if len(names) != outputs:
        raise ModelError(
            f"model.labels: {path} has {len(names):,} lines, the network {outputs:,} outputs: "
            "one class name a line, in the order of the outputs"
        )
    return names
