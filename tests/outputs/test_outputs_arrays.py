import io
import random
import zipfile

import numpy as np
import numpy.typing as npt
import pytest

from igcli.errors import ImageError
from igcli.outputs.arrays import decode_arrays, encode_arrays

ARRAYS: dict[str, npt.ArrayLike] = {
    "image": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    "attributions": np.linspace(-1, 1, 24, dtype=np.float32).reshape(2, 4, 3),
    "alphas": np.linspace(0, 1, 5),
    "target": 281,
    "attributions_gradients_281": np.asfortranarray(np.ones((2, 3), np.float32)),
}


def test_arrays_come_back_as_they_were() -> None:
    with np.load(io.BytesIO(encode_arrays(**ARRAYS)), allow_pickle=False) as loaded:
        assert list(loaded) == list(ARRAYS)
        for name, array in ARRAYS.items():
            assert np.array_equal(loaded[name], array)
            assert loaded[name].dtype == np.asarray(array).dtype


def test_equal_arrays_give_equal_bytes_without_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1e9)
    data = encode_arrays(**ARRAYS)
    monkeypatch.setattr("time.time", lambda: 1.7e9)
    assert encode_arrays(**ARRAYS) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        encode_arrays(a=np.array([{}], dtype=object))


def test_damaged_headers_are_refused() -> None:
    data = encode_arrays(attributions=np.zeros((64, 64, 3), np.float32))
    start, rng = data.index(b"NUMPY"), random.Random(1)
    refused = 0
    for _ in range(1500):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 2, 5))):
            changed[start + rng.randrange(125)] = rng.randrange(256)
        try:
            decode_arrays(io.BytesIO(changed), "a.npz", ["attributions"])
        except ImageError:
            refused += 1
    assert refused > 500
