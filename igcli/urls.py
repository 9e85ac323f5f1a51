"""Paths that are URLs: their scheme, and what of them may be shown and recorded."""

import re

from igcli.errors import UsageError

ARCHIVES = ("zip", "tar")
"""Schemes whose URLs name a file inside another: zip://cats/a.jpg::s3://bucket/photos.zip."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_QUERY = re.compile(r"(https?://[^?#]*)[?#].*", re.DOTALL | re.IGNORECASE)
# The slash of a secret key may end what looks like the host; ports and ARNs have colons, too.
_SECRET = re.compile(r"[^/?#]*@|(?!arn:)[^/?#]*:[^?#]*@")
_SECRET_OF_WEB = re.compile(r"[^/?#]*@")


def is_url(path: str) -> bool:
    """Return whether a path is a URL."""
    return _URL.match(path) is not None


def scheme(url: str) -> str:
    """Return the scheme of a URL, "s3" of s3://bucket/a.jpg; empty for a path."""
    match = _URL.match(url)
    return match[1].lower() if match else ""


def is_web(url: str) -> bool:
    """Return whether a URL is of a web server, which serves files but lists none."""
    return scheme(url) in ("http", "https")


def shown(path: str) -> str:
    """Return a path as it may be shown and recorded: without a web URL's query, often a secret."""
    return _QUERY.sub(r"\1", path)


def has_credentials(path: str) -> bool:
    """Return whether a URL holds a user name or a password."""
    for part in path.split("::"):
        match = _URL.match(part)
        if match and match[1].lower() not in ARCHIVES:
            secret = _SECRET_OF_WEB if is_web(part) else _SECRET
            if secret.match(part, match.end()):
                return True
    return False


def checked(path: str) -> str:
    """Return a path to open: the local path of file:///a.jpg, any other unchanged.

    Raises:
        UsageError: It is a URL with a user name or password, or a file URL of a relative path.
    """
    if has_credentials(path):
        raise UsageError(
            f"a URL {scheme(path)}://... holds a user name or password; URLs are recorded, so "
            "give credentials in the environment instead"
        )
    if scheme(path) != "file":
        return path
    local = path[len("file://") :]
    if not local.startswith("/"):
        raise UsageError(f"{path!r}: a file URL needs an absolute path, as in file:///data/a.jpg")
    return local


def joined(folder: str, name: str) -> str:
    """Return the URL of `name` in `folder`, which may end in a slash."""
    return f"{folder.rstrip('/')}/{name}" if not folder.endswith("://") else folder + name
