"""The server of an output over HTTP, asked as browsers ask, and attacked."""

import contextlib
import http.client
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from igcli import stores
from igcli.errors import IgcliError
from igcli.gallery.served_output import ServedOutput
from igcli.gallery.server import GalleryServer
from igcli.outputs.folder import OutputFolder
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.open import output_at
from igcli.outputs.results import read_results
from igcli.outputs.tar import END, encode_group
from support.chromium import Tab
from support.runs import ok, picture, write_file, write_run

PANEL = picture(300, 200)
SECRET = b"not for you"


@contextlib.contextmanager
def serving(folder: OutputFolder) -> Iterator[int]:
    """Serve an output in a thread, and yield the port."""
    with GalleryServer(0) as server, ServedOutput(read_results(folder)) as output:
        thread = threading.Thread(target=server.serve, args=(output,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("served")
    folder = write_run(tmp_path / "out", [ok("a b.jpg")])
    write_file(folder, "panels/a b.jpg", PANEL)
    write_file(folder, "panels/empty.jpg", b"")
    write_file(folder, "panels/bytes \udcff.jpg", PANEL)
    write_file(folder, "gallery/values/a b.js", SECRET)
    write_file(folder, "gallery/values/diary.js", SECRET)
    write_file(folder, "arrays/a.npz", b"PK")
    members = {"cats/a.panel.jpg": PANEL}
    write_file(folder, "tars/x.tar", encode_group(members, "a.jpg", ok("x.tar/a.jpg")) + END)
    write_file(folder, ".igcli-lock", SECRET)
    write_file(folder, "panels/.igcli-abc-1.tmp", SECRET)
    write_file(folder, "shards/1-of-2/.igcli-lock", SECRET)
    write_file(folder, "diary.txt", SECRET)
    write_file(folder, "private/panels/a.jpg", SECRET)
    write_file(tmp_path, "outside.jpg", SECRET)
    write_file(tmp_path, "outside/a.jpg", SECRET)
    (folder / "panels/link.jpg").symlink_to(tmp_path / "outside.jpg")
    (folder / "panels/inside.jpg").symlink_to(folder / "diary.txt")
    (folder / "panels/linked").symlink_to(tmp_path / "outside")
    (folder / "gifs").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "panels/fifo.jpg")
    return folder


@pytest.fixture(scope="module")
def port(run: Path) -> Iterator[int]:
    with serving(LocalFolder(os.fspath(run))) as number:
        yield number


def ask(
    port: int, target: str, *, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Send a request with its target as it is; return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection._validate_path = lambda _: None  # type: ignore[attr-defined]
    headers = {"Host": f"127.0.0.1:{port}", **(headers or {})}
    connection.putrequest(method, target, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/?show=failed", "text/html; charset=utf-8"),
        ("/panels/a%20b.jpg", "image/jpeg"),
        ("/panels/a%20b.jpg?x=../..", "image/jpeg"),
        ("/%70anels/a%20b%2Ejpg", "image/jpeg"),
        ("/panels/bytes%20%FF.jpg", "image/jpeg"),
        ("/tars/x.tar/cats/a.panel.jpg", "image/jpeg"),
        ("/tars/x.tar", "application/x-tar"),
        ("/gallery/values/a%20b.js", "text/javascript; charset=utf-8"),
        ("/arrays/a.npz", "application/octet-stream"),
        ("/results.jsonl", "text/plain; charset=utf-8"),
        ("/config.yaml", "text/plain; charset=utf-8"),
        ("/summary.json", "application/json"),
    ],
)
def test_files_have_their_types(port: int, run: Path, target: str, kind: str) -> None:
    status, headers, body = ask(port, target)
    assert (status, headers["Content-Type"]) == (200, kind)
    assert headers["Content-Length"] == str(len(body))
    expected = {"image/jpeg": PANEL}
    if kind.startswith("text/html"):
        assert body.startswith(b"<!doctype html>\n<!-- Written by igcli. -->\n")
    if kind == "text/plain; charset=utf-8":
        expected[kind] = (run / target[1:]).read_bytes()
    assert body == expected.get(kind, body)
    head_status, head, nothing = ask(port, target, method="HEAD")
    assert (head_status, nothing) == (200, b"")
    assert {**head, "Date": ""} == {**headers, "Date": ""}


@pytest.mark.parametrize(
    "target",
    [
        "/../outside.jpg",
        "/panels/../../outside.jpg",
        "/%2e%2e/outside.jpg",
        "/panels/%2e%2e/%2e%2e/outside.jpg",
        "/panels/..%2f..%2foutside.jpg",
        "/panels/%252e%252e/%252e%252e/outside.jpg",
        "/panels/..\\..\\outside.jpg",
        "//outside.jpg",
        "//etc/passwd",
        "/%2Fetc/passwd",
        "/etc/passwd",
        "/panels//etc/passwd",
        "/panels/%2Fetc%2Fpasswd",
        "/panels/./a%20b.jpg",
        "/panels/link.jpg",
        "/panels/inside.jpg",
        "/panels/linked/a.jpg",
        "/gifs/a.jpg",
        "/panels/fifo.jpg",
        "/panels/",
        "/panels",
        "/panels/a%20b.jpg/",
        "/panels/a%20b.jpg%00.png",
        "/panels/.igcli-abc-1.tmp",
        "/.igcli-lock",
        "/%2eigcli-lock",
        "/shards/1-of-2/.igcli-lock",
        "/diary.txt",
        "/gallery/values/diary.js",
        "/gallery/values/gone.js",
        "/gallery/values/",
        "/gallery/thumbnails/" + "0" * 24 + "-image.webp",
        "/gallery/thumbnails/..%2fvalues/diary.js",
        "/private/panels/a.jpg",
        "/tars/x.tar/cats/../../diary.txt",
        "/tars/x.tar/../../diary.txt",
        "/tars/x.tar/gone.jpg",
        "/tars/x.tar/",
        "/tars/../panels/a%20b.jpg",
        "/panels/" + "x" * 5000,
        "/" + "%2e%2e%2f" * 40 + "etc/passwd",
        "panels/a%20b.jpg",
        "*",
        "http://127.0.0.1/panels/a%20b.jpg",
        "file:///etc/passwd",
        "?",
    ],
)
def test_nothing_else_is_shown(port: int, target: str) -> None:
    status, headers, body = ask(port, target)
    assert status == 404
    assert SECRET not in body
    assert b"root:" not in body
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert ask(port, "/")[0] == 200


@pytest.mark.parametrize(
    ("header", "start", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-100", -100, None),
        ("Bytes=7-7", 7, 8),
        ("bytes=5-999999999", 5, None),
        ("bytes=0-", 0, None),
        ("bytes=-999999999", 0, None),
    ],
)
@pytest.mark.parametrize("target", ["/panels/a%20b.jpg", "/tars/x.tar/cats/a.panel.jpg"])
def test_a_part_of_a_file(port: int, header: str, start: int, end: int | None, target: str) -> None:
    status, headers, body = ask(port, target, headers={"Range": header})
    assert status == 206
    assert body == PANEL[start:end]
    first = start % len(PANEL)
    assert headers["Content-Range"] == f"bytes {first}-{first + len(body) - 1}/{len(PANEL)}"
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("header", ["bytes=99999999-", "bytes=-0", "bytes=99999999-999999999"])
def test_a_part_that_there_is_not(port: int, header: str) -> None:
    status, headers, body = ask(port, "/panels/a%20b.jpg", headers={"Range": header})
    assert (status, body) == (416, b"")
    assert headers["Content-Range"] == f"bytes */{len(PANEL)}"
    assert ask(port, "/panels/empty.jpg", headers={"Range": "bytes=0-"})[0] == 416


@pytest.mark.parametrize(
    "headers",
    [
        {"Range": "bytes=9-1"},
        {"Range": "bytes=-"},
        {"Range": "bytes=0-1,3-4"},
        {"Range": "lines=0-1"},
        {"Range": "bytes=a-b"},
        {"Range": f"bytes={'9' * 6000}-"},
        {"Range": "bytes=0-1", "If-Range": '"x"'},
    ],
)
def test_what_asks_for_no_single_part_gets_the_file(port: int, headers: dict[str, str]) -> None:
    status, _, body = ask(port, "/panels/a%20b.jpg", headers=headers)
    assert (status, body) == (200, PANEL)
    status, _, body = ask(port, "/results.jsonl", method="HEAD", headers={"Range": "bytes=0-1"})
    assert (status, body) == (200, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "X"])
def test_only_reading_is_allowed(port: int, run: Path, method: str) -> None:
    before = sorted(path.name for path in run.rglob("*"))
    status, headers, _ = ask(port, "/panels/a%20b.jpg", method=method)
    assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert sorted(path.name for path in run.rglob("*")) == before


def test_other_names_are_refused(port: int) -> None:
    for host in (f"localhost:{port}", f"LOCALHOST:{port}", f"127.0.0.1:{port}"):
        assert ask(port, "/", headers={"Host": host})[0] == 200
    others = [
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        "localhost",
        f"127.0.0.1.evil.example:{port}",
        f"localhost.:{port}",
        f"127.0.0.1:{port + 1}",
        f"0.0.0.0:{port}",
        f"[::1]:{port}",
        f"user@127.0.0.1:{port}",
        "",
    ]
    for host in others:
        status, _, body = ask(port, "/", headers={"Host": host})
        assert (status, body) == (403, b"403 Forbidden\n"), host


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(1 << 16):
            answer += data
    return answer


def test_requests_that_are_none_do_no_harm(port: int) -> None:
    host = b"Host: 127.0.0.1:%d\r\n" % port
    for request in (
        b"",
        b"\r\n",
        b"GET",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"Host: evil.example\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + host + b"\r\n",
        b"\xff\xfe\x00 / HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + host + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 9\r\n\r\nGET / HTTP/1.1\r\n",
    ):
        answer = raw(port, request)
        assert b" 200 " not in answer.partition(b"\r\n")[0], request
        assert b"<html" not in answer, request
    assert ask(port, "/")[0] == 200


def test_a_connection_may_be_used_again_and_dropped(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/panels/a%20b.jpg")
        assert connection.getresponse().read() == PANEL
    connection.request("GET", "/panels/a%20b.jpg")
    connection.close()
    assert ask(port, "/")[0] == 200


def test_the_policy_is_that_of_the_page_and_more(port: int) -> None:
    for target in ("/", "/panels/a%20b.jpg", "/gone"):
        headers = ask(port, target)[1]
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; img-src 'self'; script-src 'sha256-")
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Python" not in headers["Server"]


def test_a_missing_icon_is_no_error(port: int) -> None:
    status, _, body = ask(port, "/favicon.ico")
    assert (status, body) == (204, b"")


def test_only_this_machine_is_served(port: int) -> None:
    with socket.socket() as other:
        other.settimeout(2)
        # All of 127.0.0.0/8 is this machine, but the server listens at one address of it.
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_a_port_has_one_server() -> None:
    with GalleryServer(0) as first, pytest.raises(IgcliError, match="Address already in use"):
        GalleryServer(first.server_port)


def test_an_output_in_a_store() -> None:
    stores._store.cache_clear()
    folder = output_at("memory://served/out")
    folder.write("results.jsonl", json.dumps(ok("a b.jpg")).encode() + b"\n")
    folder.write("panels/a b.jpg", PANEL)
    members = {"a.panel.jpg": PANEL}
    folder.write("tars/x.tar", encode_group(members, "a.jpg", ok("x.tar/a.jpg")) + END)
    output_at("memory://served/other").write("panels/a.jpg", SECRET)
    with serving(folder) as port:
        assert ask(port, "/panels/a%20b.jpg")[2] == PANEL
        assert ask(port, "/panels/a%20b.jpg", headers={"Range": "bytes=9-19"})[2] == PANEL[9:20]
        assert ask(port, "/tars/x.tar/a.panel.jpg")[2] == PANEL
        for target in ("/panels/gone.jpg", "/panels", "/panels/%FF.jpg", "/../other/panels/a.jpg"):
            assert ask(port, target)[0] == 404


def test_a_browser_shows_the_panels_in_archives(tmp_path: Path, tab: Tab) -> None:
    record = ok("x.tar/a b.jpg", tar="x.tar", panel="tars/x.tar/a b.panel.jpg")
    folder = write_run(tmp_path / "out", [record])
    members = {"a b.panel.jpg": PANEL}
    write_file(folder, "tars/x.tar", encode_group(members, "a b.jpg", record) + END)
    output = LocalFolder(os.fspath(folder))
    before = {path.name for path in folder.rglob("*")}
    with serving(output) as port:
        tab.open(f"http://127.0.0.1:{port}/")
        tab.run("document.querySelector('.open').click()")
        tab.wait("document.querySelector('#large-body img')?.naturalWidth === 300")
        link = tab.run("document.querySelector('a[href*=\"tars/\"]').href")
        assert link == f"http://127.0.0.1:{port}/tars/x.tar/a%20b.panel.jpg"
        assert tab.complaints == []
        tab.open(link)
        assert tab.run("document.images[0].naturalWidth") == 300
    assert {path.name for path in folder.rglob("*")} == before
