"""A web server for one output: on the loopback address alone, and for reading alone.

Other sites may make a browser of this machine ask it. It answers only requests that call it by its
own address, not by a name that was bound to this address (DNS rebinding), and no other site may
embed its files.

Sources: RFC 9110 (HTTP semantics), section 14 on ranges; Content Security Policy Level 3.
"""

import io
import logging
import re
import socketserver
import sys
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import IO, Any

from igcli.errors import IgcliError
from igcli.gallery.html import content_policy
from igcli.gallery.served_output import ServedOutput, content_type, name_of

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
ICON = "/favicon.ico"
"""What browsers ask for by themselves; there is none, which is no error of the page."""

METHODS = ("GET", "HEAD")
HTTP_PORT = 80
"""The port that browsers leave out."""

CHUNK = 1 << 18
TIMEOUT = 60.0
"""Seconds after which a connection without requests is closed."""

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.IGNORECASE)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file, in bytes: from `start` up to `end`, which is not included."""

    start: int
    end: int


def requested_span(header: str | None, size: int) -> Span | None:
    """Return the part of a file that a header Range asks for; empty if it has none of these bytes.

    Args:
        header: "bytes=0-99", "bytes=100-" or "bytes=-100".
        size: Size of the file in bytes.

    Returns:
        None for anything else, several ranges as well: the whole file is sent.
    """
    match = _RANGE.fullmatch(header or "")
    first, last = match.groups() if match else ("", "")
    if first and last and int(last) < int(first):
        return None
    if first:
        return Span(min(int(first), size), min(int(last) + 1, size) if last else size)
    return Span(max(0, size - int(last)), size) if last else None


class GalleryServer(ThreadingHTTPServer):
    """Serves an output until it is interrupted."""

    # Two servers would share a port instead of the second one being refused.
    allow_reuse_port = False

    def __init__(self, port: int) -> None:
        """Listen on a port, 0 for any that is free; requests wait until `serve` is called.

        Raises:
            IgcliError: The port is in use, or this user may not listen on it.
        """
        self.policy = f"{content_policy()}; frame-ancestors 'none'"
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise IgcliError(
                f"--serve: port {port} cannot be used: {error.strerror}; choose another, or leave "
                "it out for a free one"
            ) from error

    def serve(self, output: ServedOutput) -> None:
        """Answer requests for an output until an interrupt, which is raised on."""
        self.output = output
        self.serve_forever()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/"

    @property
    def hosts(self) -> frozenset[str]:
        """What requests may call this server."""
        ports = [f":{self.server_port}", *([""] if self.server_port == HTTP_PORT else [])]
        return frozenset(f"{name}{port}" for name in NAMES for port in ports)

    def server_bind(self) -> None:
        """Bind the address without looking up its name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Log what broke a connection; browsers close connections as they like."""
        error = sys.exception()
        level = (
            logging.DEBUG if isinstance(error, ConnectionError | TimeoutError) else logging.ERROR
        )
        log.log(level, "a request failed: %s", error, exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    """Answers the requests of a connection."""

    server: GalleryServer
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"

    def do_GET(self) -> None:
        """Send a file, or a part of one."""
        self._answer()

    def do_HEAD(self) -> None:
        """Send what is known of a file."""
        self._answer()

    def parse_request(self) -> bool:
        """Read the head of a request; refuse all methods that do not read."""
        if not super().parse_request():
            return False
        if self.command in METHODS:
            return True
        self.send_response(HTTPStatus.METHOD_NOT_ALLOWED)
        self.send_header("Allow", ", ".join(METHODS))
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")  # What was sent with it is not read.
        self.end_headers()
        return False

    def _answer(self) -> None:
        if not self._is_called_by_its_name():
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        if self.path == ICON:
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
            return
        name = name_of(self.path)
        file = None if name is None else self.server.output.open(name)
        if name is None or file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file:
            self._send(file, name)

    def _is_called_by_its_name(self) -> bool:
        hosts = self.headers.get_all("Host", [])
        return len(hosts) == 1 and hosts[0].strip().lower() in self.server.hosts

    def _send(self, file: IO[bytes], name: str) -> None:
        size = file.seek(0, io.SEEK_END)
        # There are no validators that a range could depend on.
        has_range = self.command == "GET" and "If-Range" not in self.headers
        part = requested_span(self.headers.get("Range"), size) if has_range else None
        span = part or Span(0, size)
        if part is None:
            self.send_response(HTTPStatus.OK)
        elif part.start == part.end:
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
        else:
            self.send_response(HTTPStatus.PARTIAL_CONTENT)
            self.send_header("Content-Range", f"bytes {part.start}-{part.end - 1}/{size}")
        self.send_header("Content-Type", content_type(name))
        self.send_header("Content-Length", str(span.end - span.start))
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            self._send_bytes(file, span)

    def _send_bytes(self, file: IO[bytes], span: Span) -> None:
        file.seek(span.start)
        remaining = span.end - span.start
        while remaining:
            chunk = file.read(min(CHUNK, remaining))
            if not chunk:  # It was cut meanwhile, and the announced length cannot be kept.
                self.close_connection = True
                return
            self.wfile.write(chunk)
            remaining -= len(chunk)

    def end_headers(self) -> None:
        """End the headers with those that every answer has."""
        self.send_header("Content-Security-Policy", self.server.policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def version_string(self) -> str:
        """Return the name of the server, without versions."""
        return "igcli"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Log a request."""
        log.debug(format, *args)
