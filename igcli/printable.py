"""Untrusted text, such as file names and labels, made safe to display."""

import unicodedata

_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_ESCAPED = ("Cc", "Cs", "Zl", "Zp")


def printable(text: str) -> str:
    r"""Return `text` with control characters and undecodable bytes as escapes: `\x1b`."""
    return "".join(_escape(character) for character in text)


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if unicodedata.category(character) in _ESCAPED or character in _BIDIRECTIONAL:
        return character.encode("unicode_escape", "surrogatepass").decode("ascii")
    return character
