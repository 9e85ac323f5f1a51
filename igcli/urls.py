"""Paths that are URLs: of which kind, and what of them may be seen."""

import re

from igcli.errors import UsageError

ARCHIVES = ("zip", "tar")
"""Kinds whose URLs name a file inside another: zip://cats/a.jpg::s3://bucket/photos.zip."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_QUERY = re.compile(r"(https?://[^?#]*)[?#].*", re.DOTALL | re.IGNORECASE)
# The slash of a secret key may end what looks like the host; ports and ARNs have colons, too.
_SECRET = re.compile(r"[^/?#]*@|(?!arn:)[^/?#]*:[^?#]*@")
_SECRET_OF_WEB = re.compile(r"[^/?#]*@")


def is_url(path: str) -> bool:
    """Tell whether a path is a URL."""
    return _URL.match(path) is not None


def kind(url: str) -> str:
    """Return the kind of a URL, "s3" of s3://bucket/a.jpg; empty for a path."""
    found = _URL.match(url)
    return found[1].lower() if found else ""


def is_web(url: str) -> bool:
    """Tell whether a URL is one of the web, whose servers give files but list none."""
    return kind(url) in ("http", "https")


def shown(path: str) -> str:
    """Return a path as it may be seen and recorded: a signature in a URL's query may not."""
    return _QUERY.sub(r"\1", path)


def has_credentials(path: str) -> bool:
    """Tell whether a URL holds a user name or a password."""
    for part in path.split("::"):
        found = _URL.match(part)
        if found and found[1].lower() not in ARCHIVES:
            secret = _SECRET_OF_WEB if is_web(part) else _SECRET
            if secret.match(part, found.end()):
                return True
    return False


def checked(path: str) -> str:
    """Return a path as it is to be opened: of file:///a.jpg the local path, else as it is.

    Raises:
        UsageError: It is a URL with a user name or password, or of a file without a whole path.
    """
    if has_credentials(path):
        raise UsageError(
            f"a URL {kind(path)}://... holds a user name or password, and URLs are recorded: "
            "give credentials in the environment"
        )
    if kind(path) != "file":
        return path
    local = path[len("file://") :]
    if not local.startswith("/"):
        raise UsageError(f"{path!r}: a file's URL needs its whole path, as in file:///data/a.jpg")
    return local


def joined(folder: str, name: str) -> str:
    """Return the URL of `name` in `folder`, which may end in a slash."""
    return f"{folder.rstrip('/')}/{name}" if not folder.endswith("://") else folder + name
