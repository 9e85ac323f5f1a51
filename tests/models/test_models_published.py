"""The published Inception v1, by a graph of the same nodes in an archive of our own."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import MappingProxyType

import numpy as np
import pytest

from igcli.errors import ModelError, UsageError
from igcli.models.catalog import published
from igcli.models.catalog.published import INCEPTION_V1, Release
from igcli.models.load import load
from igcli.models.options import ModelOptions
from support import inception

LABELS = "\n".join(inception.LABELS).encode() + b"\n"


@pytest.fixture(scope="module")
def graph() -> bytes:
    return inception.graph(16)


@pytest.fixture(scope="module")
def zipped(graph: bytes) -> bytes:
    members = {
        "LICENSE": b"Apache",
        INCEPTION_V1.graph.name: graph,
        INCEPTION_V1.labels.name: LABELS,
    }
    return inception.archive(members)


@pytest.fixture
def release(
    graph: bytes, zipped: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Release:
    """A release whose hashes are those of the archive made here, in an empty cache."""
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "home"))
    made = inception.release(zipped, graph, LABELS)
    monkeypatch.setattr(published, "RELEASES", MappingProxyType({made.name: made}))
    return made


@pytest.fixture
def archive(zipped: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "inception5h.zip"
    path.write_bytes(zipped)
    return path


def test_the_hashes_are_those_published() -> None:
    assert [INCEPTION_V1.sha256, *(member.sha256 for member in INCEPTION_V1.members)] == [
        "d13569f6a98159de37e92e9c8ec4dae8f674fbf475f69fe6199b514f756d4364",
        "a39b08b826c9d5a5532ff424c03a3a11a202967544e389aca4b06c2bd8aef63f",
        "da2a31ecfe9f212ae8dd07379b11a74cb2d7a110eba12c5fc8c862a65b8e6606",
    ]


def test_the_label_file_is_the_one_published(shared: Path) -> None:
    data = (shared / "models" / "inception5h_labels.txt").read_bytes()
    assert hashlib.sha256(data).hexdigest() == INCEPTION_V1.labels.sha256


def test_an_installed_network_is_loaded(release: Release, archive: Path) -> None:
    folder = published.install(release, archive)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        member.name for member in release.members
    )
    model = load(ModelOptions(source="inception_v1"), device="cpu")
    assert model.network.input_shape == (224, 224, 3)
    assert model.network.outputs == inception.OUTPUTS
    assert model.network.activation == "softmax"
    assert [model.label(number) for number in (0, 999, 1007)] == ["dummy", "class 999", "1007"]
    gray = np.full((1, 224, 224, 3), 117, np.float32)
    lighter = model.network.predict(np.concatenate([gray, gray + 1]))
    np.testing.assert_allclose(lighter[0], 1 / 1008, rtol=1e-5)  # All zero behind the mean.
    assert not np.allclose(lighter[1], 1 / 1008, rtol=1e-5)


def test_other_tensors_may_be_named(release: Release, archive: Path) -> None:
    published.install(release, archive)
    model = load(ModelOptions(source="inception_v1", output="softmax0:0"), device="cpu")
    assert model.network.outputs == inception.OUTPUTS
    options = ModelOptions(source="inception_v1")
    logits = load(options, device="cpu", explain="logit").network
    likely = load(options, device="cpu").network
    image = np.random.default_rng(0).uniform(0, 255, (1, 224, 224, 3)).astype(np.float32)
    values = np.exp(logits.predict(image).astype(np.float64))
    np.testing.assert_allclose(values / values.sum(), likely.predict(image), rtol=1e-4)
    deep = load(ModelOptions(source="inception_v1", output="avgpool0/reshape"), device="cpu")
    assert deep.labels is None


def test_without_a_network_one_line_says_what_to_do(release: Release, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as error:
        load(ModelOptions(source="inception_v1"), device="cpu")
    message = str(error.value)
    assert "\n" not in message
    assert release.url in message
    assert str(tmp_path / "home") in message
    assert "igcli models fetch inception_v1 --from inception5h.zip" in message
    assert list((tmp_path / "home").rglob("*")) == []


def test_a_damaged_file_in_the_cache_is_seen_at_every_load(release: Release, archive: Path) -> None:
    folder = published.install(release, archive)
    graph = folder / release.graph.name
    data = bytearray(graph.read_bytes())
    data[len(data) // 2] ^= 1
    graph.write_bytes(data)
    with pytest.raises(ModelError, match=r"is damaged \(its SHA-256 differs\): remove it"):
        published.fetch(release)
    published.install(release, archive)
    assert published.fetch(release)[release.labels.name] == LABELS


def test_another_archive_is_refused_and_nothing_is_written(
    release: Release, archive: Path, tmp_path: Path
) -> None:
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(ModelError, match="is not the archive that was published"):
        published.install(release, archive)
    assert not (tmp_path / "home").exists()
    with pytest.raises(UsageError, match="no such file"):
        published.install(release, tmp_path / "none.zip")


@pytest.mark.parametrize("members", [{"../x": b"evil"}, {"/etc/x": b"evil"}, {}])
def test_only_the_members_wanted_are_looked_at(
    graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes]
) -> None:
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "home"))
    whole = {INCEPTION_V1.graph.name: graph, INCEPTION_V1.labels.name: LABELS, **members}
    data = inception.archive(whole)
    path = tmp_path / "some.zip"
    path.write_bytes(data)
    folder = published.install(inception.release(data, graph, LABELS), path)
    files = {file for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {path, *(folder / name for name in list(whole)[:2])}


def test_a_bomb_is_not_unpacked(
    graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "home"))
    bomb = bytes(50_000_000)
    data = inception.archive({INCEPTION_V1.graph.name: bomb, INCEPTION_V1.labels.name: LABELS})
    path = tmp_path / "bomb.zip"
    path.write_bytes(data)
    with pytest.raises(ModelError, match="is not the file that was published"):
        published.install(inception.release(data, graph, LABELS), path)
    assert not (tmp_path / "home").exists()


def test_an_archive_without_the_graph(
    graph: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "home"))
    path = tmp_path / "bad.zip"
    for data, message in (
        (inception.archive({}), "has no tensorflow"),
        (b"text", "not a readable zip"),
    ):
        path.write_bytes(data)
        with pytest.raises(ModelError, match=message):
            published.install(inception.release(data, graph, LABELS), path)


def test_a_cache_that_cannot_be_written(
    release: Release, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IGCLI_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match="IGCLI_HOME"):
        published.install(release, archive)


@contextmanager
def served(data: bytes, *, sent: int) -> Iterator[str]:
    """Serve an archive on this machine, cut after `sent` bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:sent])

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/inception5h.zip"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.mark.usefixtures("direct")
def test_what_is_downloaded_is_verified_and_kept(release: Release, zipped: bytes) -> None:
    with served(zipped, sent=len(zipped)) as url:
        contents = published.fetch(replace(release, url=url))
    assert contents[release.labels.name] == LABELS
    names = {path.name for path in published.cache_folder().rglob("*") if path.is_file()}
    assert names == {member.name for member in release.members}
    assert published.fetch(release) == contents  # No server any more.


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("cut", [lambda data: len(data) // 2, lambda data: 0])
def test_an_interrupted_download_leaves_nothing(
    release: Release, zipped: bytes, cut: Callable[[bytes], int]
) -> None:
    with served(zipped, sent=cut(zipped)) as url, pytest.raises(ModelError, match="downloaded"):
        published.fetch(replace(release, url=url))
    assert not any(published.cache_folder().rglob("*"))


def test_several_at_once_leave_whole_files(release: Release, archive: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: published.install(release, archive), range(24)))
    assert published.fetch(release)[release.labels.name] == LABELS
    assert len(list(published.folder(release).iterdir())) == 2
