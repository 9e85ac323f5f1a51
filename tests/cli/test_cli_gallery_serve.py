"""`igcli gallery --serve` as a process: its address, its end, and what it refuses."""

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Cli

from support.runs import ok, picture, write_file, write_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = write_run(tmp_path / "out", [ok("a")])
    write_file(folder, "panels/a.jpg", picture(30))
    return folder


@contextmanager
def started(*arguments: str | Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "igcli", "gallery", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_serves_until_it_is_stopped(run: Path, number: int, code: int) -> None:
    with started(run, "--serve") as process:
        address = first_line(process)
        assert address.startswith("http://127.0.0.1:")
        assert address.endswith("/\n")
        host = address.removeprefix("http://").removesuffix("/\n")
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/panels/a.jpg")  # It stays open beyond the end.
        assert connection.getresponse().read() == picture(30)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
        connection.close()
    assert (process.returncode, out) == (code, "")
    assert err == "igcli: Ctrl-C stops the server\n"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(host.partition(":")[2])), timeout=5)


def test_a_port_that_is_in_use_is_one_line(cli: Cli, run: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = cli("gallery", run, "--serve", str(port))
    assert (result.code, result.out) == (1, b"")
    assert result.err == (
        f"igcli: --serve: port {port} cannot be used: Address already in use; choose another, or "
        "leave it out for a free one\n"
    )


@pytest.mark.parametrize("port", ["65536", "x", "1.5", "٣", "9" * 5000])
def test_what_is_no_port_is_refused(cli: Cli, run: Path, port: str) -> None:
    result = cli("gallery", run, f"--serve={port}")
    assert (result.code, result.out) == (2, b"")
    assert "is not a port, 0 to 65535" in result.err
    assert result.err.count("\n") == 1


def test_an_output_named_after_the_option_is_told_where_to_go(cli: Cli, run: Path) -> None:
    result = cli("gallery", "--serve", run)
    assert result.code == 2
    assert "name OUTPUT before it" in result.err


@pytest.mark.parametrize("name", ["gone", "empty", "file", ""])
def test_what_is_no_run_is_not_served(cli: Cli, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    result = cli("gallery", name, "--serve")
    assert (result.code, result.out) == (2, b"")
    assert result.err.count("\n") == 1


def test_a_run_in_progress_is_served(run: Path) -> None:
    (run / "summary.json").unlink()
    write_file(run, ".igcli-lock", b"\n")
    with started(run, "--serve", "0", "-q") as process:
        host = first_line(process).removeprefix("http://").removesuffix("/\n")
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/")
        page = connection.getresponse().read()
        connection.close()
    assert b"the run was killed or is still running" in page
    assert (run / ".igcli-lock").read_bytes() == b"\n"


def test_an_output_that_cannot_be_written_is_served(cli: Cli, run: Path) -> None:
    (run / "gallery").write_text("in the way")
    written = cli("gallery", run)
    assert (written.code, written.out, written.err.count("\n")) == (1, b"", 1)
    assert "output 'gallery/" in written.err
    with started(run, "--serve") as process:
        host = first_line(process).removeprefix("http://").removesuffix("/\n")
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/gallery/values/a.js")
        assert connection.getresponse().read().startswith(b"igcliValues(")
        connection.close()
    assert sorted(path.name for path in run.iterdir()) == [
        *("config.yaml", "gallery", "panels", "results.jsonl", "summary.json"),
    ]
