import hashlib
import os

import pytest

from igcli.errors import UsageError
from igcli.outputs import output_paths
from igcli.outputs.output_paths import arrays_name, count_distinct, gif_name, panel_name
from igcli.records import Source


def sources(*wanted: str) -> list[Source]:
    return [Source(f"in/{name}", name) for name in wanted]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("cats/a.jpg", "cats/a"),
        ("cats/b.png", "cats/b.png"),
        ("a.JPG", "a.JPG"),
        ("a.jpeg", "a.jpeg"),
        ("a.jpg.jpg", "a.jpg"),
        ("a b\n\udcff.jpg", "a b\n\udcff"),
        ("none", "none"),
        ("d.jpg/a.webp", "d.jpg/a.webp"),
    ],
)
def test_only_an_ending_of_exactly_jpg_is_dropped(name: str, stem: str) -> None:
    assert panel_name(name, "jpg") == f"panels/{stem}.jpg"
    assert panel_name(name, "png") == f"panels/{stem}.png"
    assert gif_name(name, "gif") == f"gifs/{stem}.gif"
    assert arrays_name(name) == f"arrays/{stem}.npz"


def test_names_longer_than_file_systems_allow_are_shortened() -> None:
    assert panel_name("d/" + "x" * 250 + ".jpg", "jpg") == "panels/d/" + "x" * 250 + ".jpg"
    for name in ("x" * 252, "\u20ac" * 84, "x" * 256 + "/a.jpg", "\udcff" * 255):
        for path in (panel_name(name, "jpg"), gif_name(name, "webp"), arrays_name(name)):
            assert max(len(os.fsencode(part)) for part in path.split("/")) <= 255
    digest = hashlib.sha256(("\u20ac" * 84).encode()).hexdigest()[:16]
    # 250 bytes less the 17 of "~" and hash are 77 letters of three bytes and two to spare.
    assert panel_name("\u20ac" * 84, "png") == f"panels/{chr(0x20AC) * 77}~{digest}.png"


def test_a_name_that_is_like_a_shortened_one_is_refused() -> None:
    long = "x" * 255
    short = panel_name(long, "jpg").removeprefix("panels/")
    assert count_distinct(sources(long, "x" * 254)) == 2
    with pytest.raises(UsageError, match="two images have the same output"):
        count_distinct(sources(long, short))


def test_distinct_images_are_counted() -> None:
    assert count_distinct([]) == 0
    assert count_distinct(sources("a.jpg", "a.jpeg", "a.JPG", "a.png", "d/a.jpg", "d.jpg/a")) == 6
    assert count_distinct(Source(f"{n}", f"{n % 100}/{n}.jpg") for n in range(10_000)) == 10_000


@pytest.mark.parametrize(
    ("first", "second"), [("a.png", "a.png.jpg"), ("d/a.jpg", "d/a"), ("a.jpg", "a.jpg")]
)
def test_two_images_for_one_output_are_refused_by_name(first: str, second: str) -> None:
    given = sources("b.jpg", first, "c.png", second, "e.jpg")
    with pytest.raises(UsageError) as caught:
        count_distinct(given)
    assert str(caught.value).startswith(
        f"two images have the same output: 'in/{first}' and 'in/{second}';"
    )


@pytest.mark.parametrize(
    ("image", "below"),
    [
        ("d/a.png", "d/a.png.jpg/b.jpg"),
        ("a.jpg", "a.gif/b.jpg"),
        ("a.jpg", "a.npz/deep/er/b.jpg"),
        ("a", "a.png/x"),
    ],
)
def test_an_output_with_the_name_of_a_folder_is_refused(image: str, below: str) -> None:
    with pytest.raises(UsageError, match=f"output of 'in/{image}' would have the name of a folder"):
        count_distinct(sources("x.jpg", below, image))


def test_equal_hashes_alone_are_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_paths, "hash", lambda _: 7, raising=False)
    assert count_distinct(sources("a.jpg", "b.jpg", "c.gif/d.jpg")) == 3
    with pytest.raises(UsageError, match="two images have the same output"):
        count_distinct(sources("a.jpg", "b.jpg", "a.jpg"))
