"""Stores for tests: an S3 server and a web server, both on the loopback address."""

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from igcli import stores

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI-K7MDENG-bPxRfiCY-EXAMPLEKEY"
PATIENCE = 200


@contextlib.contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Start moto's S3 server and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
        try:
            _wait(address)
            yield address
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(address: str) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{address}/moto-api/", timeout=PATIENCE).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def environment(address: str) -> Iterator[None]:
    """Set the address and credentials of S3 in the environment, and nothing else."""
    with pytest.MonkeyPatch.context() as patched:
        for name in list(os.environ):
            if name.startswith("AWS_") or name.lower().endswith("_proxy"):
                patched.delenv(name)
        patched.setenv("AWS_ENDPOINT_URL", address)
        patched.setenv("AWS_ACCESS_KEY_ID", KEY)
        patched.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patched.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patched.setenv("AWS_EC2_METADATA_DISABLED", "true")
        stores._store.cache_clear()
        try:
            yield
        finally:
            stores._store.cache_clear()


def make_bucket(name: str) -> None:
    """Create an S3 bucket."""
    stores.store("s3://").files.mkdir(name)


def put(url: str, data: bytes) -> str:
    """Write a file to a store and return its URL."""
    store = stores.store(url)
    store.files.pipe_file(store.key(url), data)
    return url


def get(url: str) -> bytes:
    """Read a file of a store."""
    store = stores.store(url)
    data: bytes = store.files.cat_file(store.key(url))
    return data


def tree(url: str) -> dict[str, bytes]:
    """Return all files below a URL by relative name."""
    store = stores.store(url)
    root = store.key(url)
    names: list[str] = store.files.find(root)
    return {name[len(root) + 1 :]: store.files.cat_file(name) for name in names}


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, requests: list[str], directory: str) -> None:
        self.requests = requests
        super().__init__(*arguments, directory=directory)

    def do_GET(self) -> None:
        self.requests.append(self.path)
        if "/private/" in self.path and "signature=right" not in self.path:
            self.send_error(403)
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; yields its address and the list of requests.

    Files in private/ need the query signature=right.
    """
    requests: list[str] = []
    handler = partial(_Handler, requests=requests, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", requests
        finally:
            server.shutdown()
