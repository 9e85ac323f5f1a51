"""What a server makes is what `igcli gallery` writes."""

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from igcli.errors import ImageError, OutputError
from igcli.gallery.on_demand import OnDemandFiles
from igcli.gallery.run_page import write_gallery
from igcli.gallery.thumbnails import ThumbnailMaker
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.result_files import ResultFiles
from igcli.outputs.results import read_results
from igcli.outputs.run_files import PAGE
from igcli.records import Record
from igcli.render.encoders import encode_image
from igcli.render.panel import Cell, TargetInfo, attribution_cell, compose, image_cell, label_cell
from support.runs import failed, ok, write_file, write_run

SHAPE = (160, 170, 3)


def npz() -> bytes:
    rng = np.random.default_rng(1)
    arrays: dict[str, Any] = {
        "image": rng.integers(0, 255, SHAPE).astype(np.uint8),
        "baseline": np.zeros(SHAPE, np.float32),
        "attributions": rng.normal(size=SHAPE).astype(np.float32),
        "attributions_gradients_1": rng.normal(size=SHAPE).astype(np.float32),
        "alphas": np.linspace(0, 1, 5),
        "scores": np.linspace(0, 0.5, 5, dtype=np.float32),
        "target": np.int64(1),
    }
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def panel() -> bytes:
    pictures = np.random.default_rng(2).integers(0, 200, (2, *SHAPE)).astype(np.uint8)
    label = label_cell([TargetInfo("tabby", 0.5, 1)])
    cells: list[Cell] = [
        image_cell(pictures[0]),
        label,
        attribution_cell("Integrated gradients", pictures[1]),
    ]
    return encode_image(compose(cells), format="jpg", quality=95)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    others = [{"method": "gradients", "target": 1, "label": "tabby"}]
    records = [
        ok("cats/a b.jpg", arrays="arrays/a.npz", others=others),
        ok("panel.png", panel="panels/b.jpg", others=others),
        failed("bad.jpg", "no"),
    ]
    write_run(tmp_path / "out", records)
    write_file(tmp_path / "out", "arrays/a.npz", npz())
    write_file(tmp_path / "out", "panels/b.jpg", panel())
    return tmp_path / "out"


def files_of(folder: Path) -> dict[str, bytes]:
    beside = folder / "gallery"
    return {
        os.path.relpath(path, folder): path.read_bytes()
        for path in beside.rglob("*")
        if path.is_file()
    }


def without_mark(data: bytes) -> bytes:
    """Leave out of a script what tells only whether it is up to date."""
    start = data.find(b'"mark":"')
    return data if start < 0 else data[:start] + data[start + 42 :]


def test_all_files_are_those_that_would_be_written(folder: Path) -> None:
    output = LocalFolder(os.fspath(folder))
    with ResultFiles(output) as files:
        beside = OnDemandFiles(read_results(output), files)
        page = beside.page()
        assert not (folder / "gallery").exists()
        write_gallery(output)
        written = files_of(folder)
        assert len(written) == 3 + 3 + 2
        (folder / "gallery").rename(folder / "moved")
        made = {name: beside.read(name) for name in written}
    assert page == (folder / PAGE).read_bytes()
    assert {name: without_mark(data) for name, data in written.items()} == made


def test_files_that_lie_there_are_not_made_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = LocalFolder(os.fspath(folder))
    write_gallery(output)
    monkeypatch.setattr(ThumbnailMaker, "make", None)
    with ResultFiles(output) as files:
        beside = OnDemandFiles(read_results(output), files)
        for name, data in files_of(folder).items():
            if name.endswith(".webp"):
                assert beside.read(name) == data


def test_all_thumbnails_of_an_image_are_made_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = LocalFolder(os.fspath(folder))
    write_gallery(output)
    names = [name for name in files_of(folder) if name.endswith(".webp")]
    (folder / "gallery").rename(folder / "moved")
    make, made = ThumbnailMaker.make, []

    def noted(self: ThumbnailMaker, record: Record) -> dict[str, bytes]:
        made.append(record["image"])
        return make(self, record)

    monkeypatch.setattr(ThumbnailMaker, "make", noted)
    with ResultFiles(output) as files:
        beside = OnDemandFiles(read_results(output), files)
        threads = [threading.Thread(target=beside.read, args=(name,)) for name in 3 * names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(made) == ["cats/a b.jpg", "panel.png"]


def test_what_cannot_be_made_is_an_error(folder: Path) -> None:
    output = LocalFolder(os.fspath(folder))
    with ResultFiles(output) as files:
        beside = OnDemandFiles(read_results(output), files)
        expected = ThumbnailMaker(files, beside._run.pictures).expected(ok("cats/a b.jpg"))  # type: ignore[arg-type]
        assert expected is not None
        for name in ("gallery/values/gone.js", expected.image, "panels/b.jpg", ""):
            with pytest.raises(OutputError):
                beside.read(name)
        key = next(iter(beside._by_key))
        with pytest.raises(ImageError):
            beside.read(f"gallery/thumbnails/{key}-7.webp")
