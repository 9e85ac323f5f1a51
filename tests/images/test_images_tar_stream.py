"""Images are taken out of tar archives in one pass, whatever these hold."""

import io
import struct
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from igcli.errors import ImageError
from igcli.images.archives.tar_stream import MAX_HEADER, TarStream
from igcli.images.walk_statistics import WalkStatistics
from igcli.records import Source
from support.image_files import encoded
from support.tars import regular, samples, special, write_tar

MOST = 1 << 20


def read(path: Path, most: int = MOST) -> tuple[list[Source], TarStream, WalkStatistics]:
    statistics = WalkStatistics()
    archive = TarStream(Source(str(path), f"in/{path.name}"), max_bytes=most, statistics=statistics)
    return list(archive), archive, statistics


def errors(sources: list[Source]) -> dict[str, str]:
    return {
        source.name: str(source.data) for source in sources if isinstance(source.data, ImageError)
    }


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_images_come_in_order_with_their_bytes(tmp_path: Path, mode: str, form: int) -> None:
    names = ["b.jpg", "./cats/a.JPEG", "/abs/c.png", "x" * 150 + "/ü.webp", "n\udcff.gif", "d.bmp"]
    path = tmp_path / "x.tar"
    with tarfile.open(path, mode, format=form) as archive:  # type: ignore[call-overload]
        for name in names:
            header, data = regular(name, name.encode("utf-8", "surrogateescape"))
            archive.addfile(header, io.BytesIO(data))
    sources, archive, _ = read(path)
    plain = [name.removeprefix("./").removeprefix("/") for name in names]
    assert [source.name for source in sources] == [f"in/x.tar/{name}" for name in plain]
    assert [source.path for source in sources] == [f"{path}/{name}" for name in plain]
    wanted = [name.encode("utf-8", "surrogateescape") for name in names]
    assert [source.data for source in sources] == wanted
    assert archive.problem == ""


def test_what_belongs_to_no_image_is_counted_by_its_ending(tmp_path: Path) -> None:
    members = [*samples(3), regular("cats/._0001.jpg", b"resource fork"), regular("README", b"x")]
    members += [regular("__meta__/a.jpg", b"x"), special("cats/d.jpg", tarfile.DIRTYPE)]
    sources, archive, statistics = read(write_tar(tmp_path / "x.tar", members))
    assert [source.name for source in sources] == [
        f"in/x.tar/cats/000{number}.jpg" for number in range(3)
    ]
    assert statistics.left_out == {"no ending": 1, "hidden files": 1}
    assert archive.problem == ""


def test_images_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    sparse, _ = regular("sparse.png", b"")
    sparse.type = tarfile.GNUTYPE_SPARSE
    members = [
        regular("large.png", bytes(MOST + 1)),
        regular("empty.png", b""),
        special("soft.png", tarfile.SYMTYPE, "/etc/passwd"),
        special("hard.png", tarfile.LNKTYPE, "large.png"),
        special("device.png", tarfile.CHRTYPE),
        special("fifo.png", tarfile.FIFOTYPE),
        (sparse, b""),
        regular("good.png", b"good"),
    ]
    sources, archive, _ = read(write_tar(tmp_path / "x.tar", members))
    assert errors(sources) == {
        "in/x.tar/large.png": f"too large: {MOST + 1:,} bytes, the limit is {MOST:,}",
        "in/x.tar/empty.png": "empty file",
        "in/x.tar/soft.png": "a link to '/etc/passwd'; links in tar archives are not followed",
        "in/x.tar/hard.png": "a link to 'large.png'; links in tar archives are not followed",
        "in/x.tar/device.png": "not a regular file",
        "in/x.tar/fifo.png": "not a regular file",
        "in/x.tar/sparse.png": "a sparse file",
    }
    assert sources[-1].data == b"good"
    assert archive.problem == ""


def test_names_that_lead_out_or_came_before_are_left_out_and_told(tmp_path: Path) -> None:
    names = [
        "a.jpg",
        "../up.jpg",
        "in/../../up.jpg",
        "a.jpg",
        "./a.png",
        "x" * 245 + ".jpg",
        "b.jpg",
    ]
    sources, archive, _ = read(write_tar(tmp_path / "x.tar", [regular(n, b"x") for n in names]))
    long = "x" * 245 + ".jpg"
    assert [source.name for source in sources] == [
        f"in/x.tar/{n}" for n in ("a.jpg", long, "b.jpg")
    ]
    assert archive.problem == (
        "left out, because the names repeat or lead elsewhere: "
        "'../up.jpg', 'in/../../up.jpg', 'a.jpg' and 1 more"
    )


@pytest.mark.parametrize("packed", [False, True])
def test_a_cut_archive_gives_what_lies_before_the_cut(tmp_path: Path, packed: bool) -> None:
    data = write_tar(tmp_path / "w.tar", samples(8), "w:gz" if packed else "w").read_bytes()
    whole, _, _ = read(tmp_path / "w.tar")
    path, counts = tmp_path / "x.tar", set()
    for size in range(0, len(data) - (1 if packed else 10240), 997):
        path.write_bytes(data[:size])
        sources, archive, _ = read(path)
        assert archive.problem, size
        assert [source.data for source in sources] == [
            source.data for source in whole[: len(sources)]
        ]
        counts.add(len(sources))
    assert counts >= {0, 1, 3}


def test_an_archive_without_an_end_is_told(tmp_path: Path) -> None:
    data = write_tar(tmp_path / "w.tar", [regular("a.png", bytes(512))]).read_bytes()
    (tmp_path / "x.tar").write_bytes(data[:1024])
    sources, archive, _ = read(tmp_path / "x.tar")
    assert len(sources) == 1
    assert archive.problem == "damaged after 1 members: the end mark is missing"


def test_a_broken_header_is_no_end(tmp_path: Path) -> None:
    data = bytearray(write_tar(tmp_path / "x.tar", samples(4)).read_bytes())
    at = data.index(b"cats/0002.jpg")
    data[at + 148 : at + 156] = b"rubbish!"
    (tmp_path / "x.tar").write_bytes(data)
    sources, archive, _ = read(tmp_path / "x.tar")
    assert len(sources) == 2
    assert archive.problem.startswith("damaged after 4 members: ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "No such file or directory"),
        (b"", "the end mark is missing"),
        (b"not a tar", "truncated header"),
        (bytes(range(256)) * 20, "invalid header"),
        (b"\x1f\x8b\x08\x00junkjunkjunk", ""),
    ],
)
def test_no_archive_is_told_as_such(tmp_path: Path, data: bytes | None, reason: str) -> None:
    path = tmp_path / "x.tar"
    if data is not None:
        path.write_bytes(data)
    sources, archive, _ = read(path)
    assert sources == []
    assert archive.problem.startswith("cannot be read as a tar file: " + reason)


def header_of(size: bytes, kind: bytes = b"0", name: bytes = b"a.png") -> bytes:
    """A header with any size field, checksum right."""
    fields = struct.pack(
        "100s8s8s8s12s12s8sc100s8s247s",
        *(name, b"0000644", b"0", b"0", size, b"0", b" " * 8, kind, b"", b"ustar\x0000", b""),
    )
    return fields.replace(b" " * 8, b"%06o\0 " % sum(fields), 1)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(header_of(b"\xff" * 12), id="negative size"),
        pytest.param(header_of(b"\xff" * 10 + b"\x00\x00", b"5"), id="negative size of a folder"),
        pytest.param(header_of(b"77777777777", b"L"), id="8 GB of name"),
        pytest.param(header_of(b"77777777777", b"x"), id="8 GB of attributes"),
        pytest.param(header_of(b"%011o" % (MAX_HEADER + 1), b"g"), id="large attributes"),
        pytest.param(header_of(b"5", b"x") + b"junk\n".ljust(512, b"\0"), id="broken attributes"),
        pytest.param(header_of(b"0", b"L") * 1500, id="names of names of names"),
        pytest.param(header_of(b"notoctal!!!"), id="no number"),
    ],
)
def test_headers_made_to_harm_end_the_archive(tmp_path: Path, start: bytes) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(start + bytes(3 << 20))
    tracemalloc.start()
    sources, archive, _ = read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sources == []
    assert archive.problem
    assert peak < 8 << 20


def test_memory_does_not_grow_with_the_members(tmp_path: Path) -> None:
    peaks = []
    for count in (20, 2000):
        data = encoded(1, size=(100, 100))
        path = write_tar(tmp_path / "x.tar", [regular(f"{n}.png", data) for n in range(count)])
        tracemalloc.start()
        assert (
            sum(
                1
                for _ in TarStream(
                    Source(str(path), "x.tar"), max_bytes=MOST, statistics=WalkStatistics()
                )
            )
            == count
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 2,000 members are 60 MB; of each no more than the hash of its name is kept.
    assert peaks[1] < peaks[0] + 2000 * 150


def test_labels_come_from_the_members_beside_images(tmp_path: Path) -> None:
    members = [
        regular("a.cls", b"7\n"), regular("a.l.png", b"L"), regular("a.r.png", b"R"),
        regular("._b.png", b"-"), regular("b.png", b"B"), regular("b.json", b"{}"),
        regular("b.cls", "\ufeffgrößer".encode()),
        regular("c.png", b"C"), regular("d.cls", b"1"), regular("d.svg", b"<svg>"),
    ]  # fmt: skip
    path = write_tar(tmp_path / "x.tar", members)
    statistics = WalkStatistics()
    archive = TarStream(
        Source(str(path), "x.tar"), max_bytes=MOST, statistics=statistics, labelled=True
    )
    assert [(source.name, source.data, source.label) for source in archive] == [
        ("x.tar/a.l.png", b"L", "7"),
        ("x.tar/a.r.png", b"R", "7"),
        ("x.tar/b.png", b"B", "größer"),
        ("x.tar/c.png", b"C", None),
    ]
    # What belongs to an image is not left out; a sample without one is.
    assert statistics.left_out == {".cls": 1, ".svg": 1, "hidden files": 1}


def test_names_with_dots_have_labels_each(tmp_path: Path) -> None:
    pairs = [(f"22.{number:02}", str(number).encode()) for number in range(50)]
    members = [
        regular(f"./d/{stem}{ending}", data)
        for stem, label in pairs
        for ending, data in ((".png", b"x"), (".cls", label))
    ]
    members += [regular("d/22.last.png", b"x"), regular("d/22.cls", b"9")]
    path = write_tar(tmp_path / "x.tar", members)
    archive = TarStream(
        Source(str(path), "x.tar"), max_bytes=MOST, statistics=WalkStatistics(), labelled=True
    )
    labels = {source.name: source.label for source in archive}
    expected = {f"x.tar/d/{stem}.png": label.decode() for stem, label in pairs}
    assert labels == {**expected, "x.tar/d/22.last.png": "9"}


def test_images_of_one_key_without_end_do_not_wait_for_ever(tmp_path: Path) -> None:
    members = [regular(f"a.{number}.png", b"x") for number in range(40)]
    path = write_tar(tmp_path / "x.tar", members)
    archive = TarStream(
        Source(str(path), "x.tar"), max_bytes=MOST, statistics=WalkStatistics(), labelled=True
    )
    assert {source.name for source in archive} == {f"x.tar/a.{number}.png" for number in range(40)}
