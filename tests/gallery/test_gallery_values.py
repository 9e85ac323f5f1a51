"""The data of the view: packed attributions, figures and texts."""

import base64
import io
import json
import zlib
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from igcli.gallery.run_settings import PictureSettings
from igcli.gallery.values import AttributionMap, ImageValues, RunFacts, image_values
from igcli.outputs.arrays import encode_arrays
from igcli.records import Record
from support.runs import CONFIG, ok

RUN = RunFacts(
    {"baseline": {"kind": "noise", "samples": 3}, "steps": 50}, PictureSettings.of(CONFIG), "/o/c"
)
RNG = np.random.default_rng(7)
IMAGE = RNG.integers(0, 256, (6, 9, 3), np.uint8)


def unpacked(packed: AttributionMap, shape: tuple[int, int]) -> Any:
    """Decode a map as the page does."""
    signed = np.frombuffer(zlib.decompress(base64.b64decode(packed.values)), np.int8)
    return (np.sign(signed) * (signed / 127) ** 2 * packed.scale).reshape(shape)


def values(record: dict[str, Any], arrays: bytes | None) -> ImageValues:
    return image_values(cast(Record, record), RUN, arrays=arrays)


def test_a_byte_holds_a_pixel_to_one_part_in_its_own_size() -> None:
    attributions = RNG.standard_cauchy((6, 9, 3)).astype(np.float32)
    path = {"alphas": np.array([0, 0.25, 1]), "scores": np.array([0.1, 0.3, 0.5], np.float32)}
    found = values(ok("a.jpg"), encode_arrays(image=IMAGE, attributions=attributions, **path))
    [packed] = found.maps
    expected = attributions.sum(-1, dtype=np.float64)
    assert packed.scale == np.abs(expected).max()
    steps = np.sqrt(np.abs(expected) / packed.scale) * 127
    # Rounding moves q by up to a half, and q^2 by up to q + 1/4.
    allowed = (steps + 0.26) / 127**2 * packed.scale
    assert (np.abs(unpacked(packed, (6, 9)) - expected) <= allowed).all()
    assert (packed.method, packed.label, packed.score) == ("Integrated gradients", "tabby", 0.5)
    with Image.open(io.BytesIO(base64.b64decode(found.picture))) as picture:
        assert (np.asarray(picture.convert("RGB")) == IMAGE).all()
    assert found.path is not None
    assert (found.path.x, found.path.y) == ([0, 0.25, 1], [0.1, 0.3, 0.5])
    assert (found.height, found.width, found.problems) == (6, 9, ())


def test_every_method_and_target_has_a_map() -> None:
    others = [
        {"method": "smoothgrad", "target": 3, "label": "dog", "score": 0.25},
        {"method": "gradients", "target": 3, "label": "dog"},
    ]
    arrays = {
        "attributions": np.full((2, 2, 3), 1, np.float32),
        "attributions_smoothgrad_3": np.full((2, 2, 3), -2, np.float32),
    }
    found = values(ok("a.jpg", others=others), encode_arrays(**arrays))
    assert [(part.method, part.label) for part in found.maps] == [
        ("Integrated gradients", "tabby"),
        ("SmoothGrad", "dog"),
    ]
    assert (unpacked(found.maps[1], (2, 2)) == -6).all()
    assert found.path is None


def test_a_flat_map_is_zero() -> None:
    [flat] = values(ok("a"), encode_arrays(attributions=np.zeros((2, 2, 3), np.float32))).maps
    assert flat.scale == 0
    assert (unpacked(flat, (2, 2)) == 0).all()


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        (b"x", "cannot read array"),
        (encode_arrays(image=IMAGE), "the arrays hold no attributions"),
        (encode_arrays(attributions=np.zeros((2, 2), np.float32)), "does not hold attributions"),
        (encode_arrays(attributions=np.zeros((0, 2, 3), np.float32)), "does not hold attributions"),
        (encode_arrays(attributions=np.full((2, 2, 3), np.nan, np.float32)), "is not finite"),
    ],
)
def test_arrays_that_are_none_are_said_to_be(arrays: bytes, problem: str) -> None:
    found = values(ok("a.jpg", arrays="arrays/a.npz"), arrays)
    assert problem in found.problems[0]
    assert [part.values for part in found.maps] == [""]


def test_texts_of_a_record() -> None:
    record = ok("a b.jpg", source="in/it's $HOME.jpg", precision="bfloat16")
    found = values(record, None)
    assert json.loads(found.record) == record
    assert found.facts == {
        "Source": "in/it's $HOME.jpg",
        "Baseline": "kind noise, samples 3",
        "Steps": "50",
        "Precision": "bfloat16",
    }
    assert found.command == (
        "igcli attribute 'in/it'\"'\"'s $HOME.jpg' --config /o/c --arrays --gif --gallery "
        "--output igcli-again"
    )
    assert values(ok("a", tar="x.tar"), None).command == ""
