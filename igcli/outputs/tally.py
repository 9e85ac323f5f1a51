"""Counts of many records, of which the last of each image counts."""

from array import array
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


class Tally:
    """Records counted as they come: 25 bytes of memory for each.

    Its results are arrays with an entry for each image, in no particular order.
    """

    def __init__(self) -> None:
        """Count nothing yet."""
        self._keys, self._groups, self._done = array("q"), array("i"), array("b")
        self._errors = array("d")

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
        error = record.get("completeness_error")
        self._keys.append(hash(record["image"]))
        self._groups.append(group)
        self._done.append(record.get("status") == "ok")
        self._errors.append(error if isinstance(error, int | float) else float("nan"))

    def counts(self, groups: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return how many images of each group, of numbers from 0 on, are done and failed."""
        last, of = self._last(), np.frombuffer(self._groups, np.int32)
        done = np.frombuffer(self._done, np.int8)[last] == 1
        return (
            np.bincount(of[last][done], minlength=groups),
            np.bincount(of[last][~done], minlength=groups),
        )

    def errors(self) -> npt.NDArray[np.float64]:
        """Return the completeness errors of the images that are done; NaN where undefined."""
        last = self._last()
        done = np.frombuffer(self._done, np.int8)[last] == 1
        errors: npt.NDArray[np.float64] = np.frombuffer(self._errors, np.float64)[last][done]
        return errors

    def _last(self) -> npt.NDArray[np.int64]:
        """Return where the last record of each image is."""
        keys = np.frombuffer(self._keys, np.int64)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        is_last = np.ones(len(keys), bool)
        is_last[:-1] = ordered[1:] != ordered[:-1]
        last: npt.NDArray[np.int64] = order[is_last]
        return last
