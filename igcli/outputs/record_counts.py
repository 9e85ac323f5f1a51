"""Counts of many records, of which the last of each image counts."""

import math
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


class RecordCounts:
    """Records counted as they come: 13 bytes of memory for each, and 8 for each of its values.

    Its results are arrays with an entry for each image, in no particular order.
    """

    def __init__(self, *values: str) -> None:
        """Count nothing yet.

        Args:
            values: Names of the numbers in records that are kept.
        """
        self._keys, self._groups, self._done = array("q"), array("i"), array("b")
        self._values = {name: array("d") for name in values}

    def add(self, records: Iterable[Mapping[str, Any]], group: int = 0) -> None:
        """Count records.

        Args:
            records: Later than those counted before; what names no image is left out.
            group: A number to find them by.
        """
        for record in records:
            if isinstance(record.get("image"), str):
                self.put(record, group)

    def put(self, record: Mapping[str, Any], group: int = 0) -> None:
        """Count the record of an image; arguments as in `add`."""
        self._keys.append(hash(record["image"]))
        self._groups.append(group)
        self._done.append(record.get("status") == "ok")
        for name, column in self._values.items():
            column.append(_number(record.get(name)))

    def counts(self, groups: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return how many images of each group, of numbers from 0 on, are done and failed."""
        last, done = self._last()
        of = np.frombuffer(self._groups, np.int32)[last]
        return np.bincount(of[done], minlength=groups), np.bincount(of[~done], minlength=groups)

    def values(self, name: str) -> npt.NDArray[np.float64]:
        """Return the numbers of the images that are done; NaN where there is none."""
        last, done = self._last()
        values: npt.NDArray[np.float64] = np.frombuffer(self._values[name], np.float64)[last][done]
        return values

    def _last(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return where the last record of each image is, and which of these are done."""
        keys = np.frombuffer(self._keys, np.int64)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        is_last = np.ones(len(keys), bool)
        is_last[:-1] = ordered[1:] != ordered[:-1]
        last = order[is_last]
        return last, np.frombuffer(self._done, np.int8)[last] == 1


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan
