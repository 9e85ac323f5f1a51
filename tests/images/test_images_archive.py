"""Zip and tar files as folders of images."""

import gzip
import io
import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from igcli.errors import ImageError, UsageError
from igcli.images.archives import containers
from igcli.images.files import read_file
from igcli.images.sources import Walk

MOST = 1 << 20
FORMS = (".zip", ".tar", ".tar.gz", ".tgz", ".TAR")
FILES = {
    "b.png": b"B",
    "./a/2.jpg": b"A2",
    "a/10.JPG": b"A10",
    "a.jpg": b"A",
    "a/notes.txt": b"-",
    "a/.cache/x.png": b"-",
    "__MACOSX/a/._10.jpg": b"-",
    "a/._10.jpg": b"-",
}
EXPECTED = {"a/10.JPG": b"A10", "a/2.jpg": b"A2", "a.jpg": b"A", "b.png": b"B"}


def pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.mkdir("a")
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    mode = "w:gz" if path.suffix.endswith("gz") else "w"
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("a")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_is_a_folder(tmp_path: Path, form: str) -> None:
    walk = Walk([str(pack(tmp_path / f"photos{form}", FILES))])
    content = {source.name: read_file(source.path, max_bytes=MOST) for source in walk}
    assert list(content.items()) == list(EXPECTED.items())
    assert str(walk.statistics) == "1 other file (.txt 1), hidden files 1, hidden folders 2"


@pytest.mark.parametrize("form", [".zip", ".tar"])
def test_parts_of_archives_have_urls(tmp_path: Path, form: str) -> None:
    path = pack(tmp_path / f"photos{form}", FILES)
    start = form[1:] + "://"
    assert [source.name for source in Walk([f"{start}a::{path}"])] == ["10.JPG", "2.jpg"]
    [single] = Walk([f"{start}a/2.jpg::{path}"])
    assert (single.name, read_file(single.path, max_bytes=MOST)) == ("2.jpg", b"A2")
    assert len(list(Walk([f"{start}::{path}"]))) == 4
    with pytest.raises(UsageError, match="no such file or folder in the archive"):
        Walk([f"{start}nothing::{path}"])
    with pytest.raises(ImageError, match="no such file in the archive"):
        read_file(f"{start}nothing.jpg::{path}", max_bytes=MOST)


def test_several_lie_under_their_own_names(tmp_path: Path) -> None:
    one, two = (pack(tmp_path / name, {"a.jpg": b"A"}) for name in ("x.zip", "y.tar.gz"))
    (tmp_path / "z").mkdir()
    (tmp_path / "z/a.jpg").write_bytes(b"A")
    names = [source.name for source in Walk([str(one), str(two), str(tmp_path / "z")])]
    assert names == ["x/a.jpg", "y/a.jpg", "z/a.jpg"]
    assert [source.name for source in Walk([f"{tmp_path}/*.zip"])] == ["x/a.jpg"]


@pytest.mark.parametrize("form", [".zip", ".tar"])
def test_names_that_lead_elsewhere_are_left_out(tmp_path: Path, form: str) -> None:
    hostile = ("../up.jpg", "/etc/x.jpg", "a/../../b.jpg", "..", "a//b/./c.jpg")
    walk = Walk([str(pack(tmp_path / f"x{form}", dict.fromkeys(hostile, b"X")))])
    assert [source.name for source in walk] == ["a/b/c.jpg"]
    assert walk.statistics.skipped["names that lead elsewhere"] == 4


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo(f"{kind!r}.jpg")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    link = zipfile.ZipInfo("link.jpg")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    for name, count in (("x.tar", 4), ("x.zip", 1)):
        walk = Walk([str(tmp_path / name)])
        assert list(walk) == []
        assert walk.statistics.skipped["special files"] == count


@pytest.mark.parametrize("form", FORMS)
def test_large_members_are_refused_before_they_are_read(
    tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(
        tmp_path / f"x{form}", {"bomb.png": bytes(5_000_000), "ok.png": b"O", "no.png": b""}
    )
    bomb, no, ok = (source.path for source in Walk([str(path)]))
    for kind in (containers.Zip, containers.Tar):
        monkeypatch.setattr(kind, "read", _never)
    with pytest.raises(ImageError, match=r"too large: 5,000,000 bytes, the limit is 4,999,999"):
        read_file(bomb, max_bytes=4_999_999)
    with pytest.raises(ImageError, match="empty file"):
        read_file(no, max_bytes=MOST)
    monkeypatch.undo()
    assert read_file(ok, max_bytes=MOST) == b"O"


def _never(*_: object) -> bytes:
    raise AssertionError


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pack(tmp_path / "bomb.tgz", {"a.png": bytes(50_000_000)})
    usage = type("Usage", (), {"free": 20_000_000})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(
        UsageError, match=r"bomb\.tgz' cannot be read as tar: it takes more than half"
    ):
        Walk([str(path)])


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def text(_: bytes) -> bytes:
    return b"no archive at all" * 100


def nothing(_: bytes) -> bytes:
    return b""


@pytest.mark.parametrize("form", [".zip", ".tar", ".tgz"])
@pytest.mark.parametrize("damage", [cut, text, nothing])
def test_a_damaged_archive_is_one_line(
    tmp_path: Path, form: str, damage: Callable[[bytes], bytes]
) -> None:
    data = pack(tmp_path / f"whole{form}", {"a.png": os.urandom(40_000)}).read_bytes()
    path = tmp_path / f"x{form}"
    path.write_bytes(damage(data))
    with pytest.raises(UsageError, match=rf"x{form}' cannot be read as (zip|tar): .") as caught:
        Walk([str(path)])
    assert "\n" not in str(caught.value)


def test_damage_within_a_member_fails_that_image(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.png": b"A" * 10_000, "b.png": os.urandom(10_000)})
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        data[archive.getinfo("b.png").header_offset + 500] ^= 0xFF
    path.write_bytes(bytes(data))
    a, b = (source.path for source in Walk([str(path)]))
    assert read_file(a, max_bytes=MOST) == b"A" * 10_000
    with pytest.raises(ImageError, match=r"cannot be read: Bad CRC-32"):
        read_file(b, max_bytes=MOST)


def test_locked_members_fail_alone(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a.png": b"A"})
    data = path.read_bytes()
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = data.rindex(mark) + at
        data = data[:place] + bytes([data[place] | 1]) + data[place + 1 :]
    path.write_bytes(data)
    [source] = Walk([str(path)])
    with pytest.raises(ImageError, match=r"^encrypted: unpack the archive with its password"):
        read_file(source.path, max_bytes=MOST)


def test_of_equal_names_the_last_counts_and_a_changed_archive_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    for data in (b"old", b"newer"):
        with tarfile.open(path, "a") as tar:
            info = tarfile.TarInfo("a.jpg")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        [source] = Walk([str(path)])
        assert read_file(source.path, max_bytes=MOST) == data


def test_a_folder_may_be_called_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "x.zip").mkdir()
    (tmp_path / "x.zip/a.jpg").touch()
    assert [source.name for source in Walk([str(tmp_path / "x.zip")])] == ["a.jpg"]


def test_names_that_are_not_utf8_are_kept(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.tar", {os.fsdecode(b"\xff\xe9.jpg"): b"A"})
    [source] = Walk([str(path)])
    assert os.fsencode(source.name) == b"\xff\xe9.jpg"
    assert read_file(source.path, max_bytes=MOST) == b"A"


def test_any_byte_may_be_wrong(tmp_path: Path) -> None:
    for form in (".zip", ".tar", ".tgz"):
        whole = pack(
            tmp_path / f"w{form}", {"a.png": b"A" * 600, "b/c.png": b"B" * 300}
        ).read_bytes()
        plain = gzip.decompress(whole) if form == ".tgz" else whole
        for at in range(0, min(len(plain), 2100), 13):
            data = plain[:at] + bytes([plain[at] ^ 0x55]) + plain[at + 1 :]
            path = tmp_path / f"{at}{form}"
            path.write_bytes(gzip.compress(data, 1) if form == ".tgz" else data)
            try:
                for source in Walk([str(path)]):
                    assert not source.name.startswith(("/", "..")), source
                    read_file(source.path, max_bytes=1000)
            except (UsageError, ImageError):
                pass
