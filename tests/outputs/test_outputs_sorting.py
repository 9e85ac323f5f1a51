"""Records in order, however many: the last of each image, by the bytes of names."""

import json
import random
from typing import Any

import pytest

from igcli.outputs import latest_records
from igcli.outputs.latest_records import latest_lines


def read(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = (json.dumps(record).encode() + b"\n" for record in records)
    return [json.loads(line) for line in latest_lines(lines)]


@pytest.mark.parametrize("block", [1, 500, 1 << 20])
def test_the_last_record_of_each_image_in_order(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(latest_records, "BLOCK", block)
    names = [
        "a",
        "a b",
        "a/b",
        "a.jpg",
        "ab",
        "ä",
        "\udcff",
        "\ud800",
        "new\nline",
        "",
        "\U0001f600",
    ]
    rng = random.Random(0)
    records = [{"image": rng.choice(names), "number": number} for number in range(60)]
    last = {str(record["image"]): record for record in records}
    expected = [
        last[name] for name in sorted(last, key=lambda n: n.encode("utf-8", "surrogatepass"))
    ]
    assert read(records) == expected


def test_what_names_no_image_is_left_out() -> None:
    assert read([{"image": 3}, {}, {"image": None}]) == []
    assert read([]) == []
    lines = [b"\n", b"[]\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n", b'{"image": "torn"}']
    assert list(latest_lines(lines)) == []
