import io
import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from igcli.errors import OutputError
from igcli.gallery.thumbnails import FOLDER, Thumbnails, encode_thumbnail, write_thumbnails
from igcli.outputs.cleanup import clear
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.results import read_results
from igcli.outputs.tar import END, encode_group
from igcli.records import Pixels
from igcli.render.options import StyleOptions
from igcli.render.panel import Cell, TargetInfo, attribution_cell, compose, image_cell, label_cell
from igcli.render.visualize import paint
from support.runs import failed, ok, picture, write_file, write_run

SHAPE = (160, 200, 3)


def made(folder: Path) -> dict[str, Thumbnails]:
    return dict(write_thumbnails(read_results(LocalFolder(os.fspath(folder)))))


def pixels(folder: Path, name: str | None) -> np.ndarray[Any, np.dtype[np.int64]]:
    assert name is not None
    with Image.open(folder / name) as file:
        assert file.format == "WEBP"
        return np.asarray(file.convert("RGB")).astype(int)


def smooth(seed: int) -> Pixels:
    """Return a picture without detail that a lossy file would lose."""
    corners = np.random.default_rng(seed).integers(0, 255, (3, 3, 3)).astype(np.uint8)
    return np.asarray(Image.fromarray(corners).resize(SHAPE[1::-1], Image.Resampling.BILINEAR))


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def panel(image: Pixels, attributions: Pixels) -> bytes:
    cells: list[Cell] = [
        image_cell(image),
        label_cell([TargetInfo("tabby", 0.5, 1)]),
        attribution_cell("Integrated gradients", attributions),
    ]
    file = io.BytesIO()
    Image.fromarray(compose(cells)).save(file, "JPEG", quality=95, subsampling="4:4:4")
    return file.getvalue()


def close(actual: np.ndarray[Any, Any], expected: Pixels) -> bool:
    return bool(np.abs(actual - expected.astype(int)).mean() < 4)


def test_a_panel_gives_image_and_attributions(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [ok("a"), failed("b", "no")])
    write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
    thumbnails = made(folder)
    assert thumbnails.keys() == {"a"}
    [attributions] = thumbnails["a"].attributions
    assert close(pixels(folder, thumbnails["a"].image), smooth(1))
    assert close(pixels(folder, attributions), smooth(2))


def test_arrays_give_all_methods_and_targets(tmp_path: Path) -> None:
    values = np.random.default_rng(5).normal(size=(2, *SHAPE)).astype(np.float32)
    values = values.cumsum(1).cumsum(2)
    others = [
        {"method": "saliency", "target": 1, "label": "x"},
        {"method": "gradients", "target": 1, "label": "y"},
        "no entry",
    ]
    record = ok("a", arrays="arrays/a.npz", others=others, panel=None)
    folder = write_run(tmp_path, [record])
    (folder / "config.yaml").write_text("panel: {style: heat_map}\n")
    arrays = {"attributions": values[0], "attributions_saliency_1": np.abs(values[1])}
    write_file(folder, "arrays/a.npz", npz(image=smooth(1), **arrays))
    thumbnails = made(folder)["a"]
    assert close(pixels(folder, thumbnails.image), smooth(1))
    main, saliency, missing, damaged = thumbnails.attributions
    assert (missing, damaged) == (None, None)
    style = StyleOptions(style="heat_map")
    assert close(pixels(folder, main), paint(smooth(1), values[0], style).picture)
    largest = np.abs(values[1]).max(axis=2)
    assert close(pixels(folder, saliency), paint(smooth(1), largest, style).picture)


def test_members_of_archives_are_read(tmp_path: Path) -> None:
    records = [
        ok(f"x.tar/{n}.jpg", tar="x.tar", panel=f"tars/x.tar/{n}.panel.jpg") for n in range(3)
    ]
    groups = [
        encode_group({f"{n}.panel.jpg": panel(smooth(n), smooth(n + 10))}, f"{n}.jpg", record)
        for n, record in enumerate(records)
    ]
    folder = write_run(tmp_path, records)
    write_file(folder, "tars/x.tar", b"".join(groups) + END)
    thumbnails = made(folder)
    for n in range(3):
        names = thumbnails[f"x.tar/{n}.jpg"]
        assert close(pixels(folder, names.image), smooth(n))
        assert close(pixels(folder, names.attributions[0]), smooth(n + 10))


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (folder / FOLDER).iterdir()}


def test_thumbnails_are_made_once(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [ok("a"), ok("b")])
    for name in "ab":
        write_file(folder, f"panels/{name}.jpg", panel(smooth(1), smooth(2)))
    first = made(folder)
    written = files(folder)
    assert len(written) == 4
    (folder / "panels/a.jpg").unlink()  # It is not even read.
    (folder / FOLDER / "mine.webp").write_bytes(b"mine")
    assert made(folder) == first
    assert files(folder).items() >= written.items()
    write_run(folder, [ok("a"), ok("b", score=0.6)])
    second = made(folder)
    assert second["a"] == first["a"]
    assert second["b"] != first["b"]
    now = files(folder).keys()
    assert len(now) == 5  # Those of the older record are gone, and the user's file is not.
    assert now >= {"mine.webp", os.path.basename(first["a"].image)}
    content = (folder / first["a"].image).read_bytes()
    assert content == (folder / second["b"].image).read_bytes()


def test_another_style_makes_them_again(tmp_path: Path) -> None:
    values = np.random.default_rng(5).normal(size=SHAPE).astype(np.float32)
    folder = write_run(tmp_path, [ok("a", arrays="arrays/a.npz")])
    write_file(folder, "arrays/a.npz", npz(image=smooth(1), attributions=values))
    first = made(folder)["a"]
    (folder / "config.yaml").write_text("panel: {style: heat_map}\n")
    second = made(folder)["a"]
    assert first.image != second.image
    assert len(files(folder)) == 2


def test_a_stop_half_way_leaves_nothing_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_run(tmp_path, [ok("a")])
    write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
    write = LocalFolder.write

    def fails_after_one(self: LocalFolder, name: str, data: bytes) -> None:
        if "image" in name:
            raise OutputError("the disk is full")
        write(self, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(LocalFolder, "write", fails_after_one)
        with pytest.raises(OutputError, match="full"):
            made(folder)
    assert len(files(folder)) == 1
    assert len(made(folder)) == 1
    assert len(files(folder)) == 2


def bomb() -> bytes:
    """Return a PNG that says it had 12,000 x 12,000 pixels, about which Pillow would warn."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = struct.pack(">II", 12_000, 12_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


BROKEN = {
    "missing": {},
    "text": {"panels/a.jpg": b"hello"},
    "cut": {"panels/a.jpg": panel(smooth(1), smooth(2))[:900]},
    "bomb": {"panels/a.jpg": bomb()},
    "other picture": {"panels/a.jpg": picture(100, 50)},
    "no arrays": {"arrays/a.npz": b"PK"},
    "no image": {"arrays/a.npz": npz(attributions=np.zeros(SHAPE, np.float32))},
    "float image": {"arrays/a.npz": npz(image=np.zeros(SHAPE))},
    "flat image": {"arrays/a.npz": npz(image=np.zeros((4, 4), np.uint8))},
    "empty image": {"arrays/a.npz": npz(image=np.zeros((0, 4, 3), np.uint8))},
    "other size": {"arrays/a.npz": npz(image=smooth(1), attributions=np.zeros((2, 2, 3)))},
    "text values": {"arrays/a.npz": npz(image=smooth(1), attributions=np.full(SHAPE, "x"))},
    "single array": {"arrays/a.npz": npy(smooth(1))},
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_be_shown_has_no_thumbnails(tmp_path: Path, name: str) -> None:
    arrays = "arrays/a.npz" if "arrays/a.npz" in BROKEN[name] else None
    folder = write_run(tmp_path, [ok("a", arrays=arrays), ok("b")])
    for path, data in BROKEN[name].items():
        write_file(folder, path, data)
    write_file(folder, "panels/b.jpg", panel(smooth(1), smooth(2)))
    assert made(folder).keys() == {"b"}


@pytest.mark.parametrize(
    "changes",
    [
        {"panel": 3, "arrays": []},
        {"panel": "../../etc/passwd"},
        {"panel": "/etc/passwd"},
        {"others": 7},
        {"others": [{"method": "../x", "target": "y", "label": None}]},
        {"panel_scales": {"integrated_gradients": "x"}},
        {"label": 3, "score": None, "completeness_error": "x", "target": 1e400},
    ],
)
def test_records_of_anybody_do_no_harm(tmp_path: Path, changes: dict[str, Any]) -> None:
    folder = write_run(tmp_path / "out", [{**ok("a"), **changes}])
    write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
    made(folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


@pytest.mark.parametrize(
    "config",
    ["", "panel: 3", "panel: {style: gone, columns: [a]}", "method: [x]", "\tx", "a: &a [*a]"],
)
def test_settings_that_cannot_be_read_are_the_defaults(tmp_path: Path, config: str) -> None:
    folder = write_run(tmp_path, [ok("a")])
    (folder / "config.yaml").write_text(config)
    write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
    assert made(folder).keys() == {"a"}


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [ok("a")])
    write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
    (folder / "gallery").write_text("in the way")
    with pytest.raises(OutputError, match="Not a directory"):
        made(folder)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((32, 32), (160, 160)),
        ((64, 64), (192, 192)),
        ((224, 224), (224, 224)),
        ((300, 150), (224, 112)),
        ((50, 100), (100, 200)),
        ((1, 1), (160, 160)),
        ((1, 4000), (1, 224)),
    ],
)
def test_sizes(size: tuple[int, int], expected: tuple[int, int]) -> None:
    data = encode_thumbnail(np.zeros((*size, 3), np.uint8))
    assert Image.open(io.BytesIO(data)).size == expected[::-1]


def test_thumbnails_are_removed_with_the_results(tmp_path: Path) -> None:
    folder = write_run(tmp_path, [ok("a")])
    write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
    made(folder)
    (folder / "notes.txt").write_text("mine")
    clear(LocalFolder(os.fspath(folder)))
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]


def test_a_record_is_the_only_thing_that_names_depend_on(tmp_path: Path) -> None:
    line = json.dumps(ok("a"))
    names = []
    for name in ("one", "two"):
        folder = write_run(tmp_path / name, [json.loads(line)])
        write_file(folder, "panels/a.jpg", panel(smooth(1), smooth(2)))
        names.append(made(folder)["a"].image)
    assert names[0] == names[1]
