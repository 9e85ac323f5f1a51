"""Masks of the objects in images: found in a folder by the images' names, and fitted like them."""

# Paths stay as given, byte for byte.
# ruff: noqa: PTH118, PTH208

import functools
import os
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from igcli.config.schema import Settings
from igcli.errors import IgcliError, ImageError, OutputError, UsageError
from igcli.images.decode import upright_size
from igcli.images.files import read_file, reason_of
from igcli.images.fit import fit
from igcli.images.mask import decode_mask
from igcli.images.walk_statistics import EXTENSIONS
from igcli.outputs.folder import split_name
from igcli.records import Pixels, Record
from igcli.urls import is_url

Size = tuple[int, int]

SUFFIXES = (*EXTENSIONS, ".npy")
"""Endings of the files that may be masks."""


@dataclass(frozen=True, slots=True, eq=False)
class ObjectMask:
    """The mask of an image.

    Attributes:
        pixels: Bool (H, W) in the size of the network's input, true on the object; None if there
            is none.
        warnings: One line each: why there is none, or how it was made to fit.
    """

    pixels: npt.NDArray[np.bool_] | None
    warnings: tuple[str, ...] = ()


class Masks:
    """The masks in a folder: for the image cats/a.jpg, cats/a.jpg.png or else cats/a.png in it.

    Any of the image formats will do, and arrays of NumPy (.npy).
    """

    def __init__(self, folder: str, settings: Settings) -> None:
        """Set the folder.

        Args:
            folder: Its path.
            settings: The run's: the limits of images, and how they are fitted to the network.

        Raises:
            UsageError: It is not a folder of this machine, or cannot be read.
        """
        if is_url(folder):
            raise UsageError(f"--masks {folder!r}: copy the masks to a folder of this machine")
        try:
            os.scandir(folder).close()
        except (OSError, ValueError) as error:
            reason = reason_of(error, folder)
            raise UsageError(f"--masks {folder!r} cannot be read: {reason}") from error
        self._folder, self._settings = folder, settings
        self._files = functools.lru_cache(maxsize=64)(self._list)

    def check(self, images: Iterable[Record]) -> None:
        """Ensure that there is a mask of any image.

        Raises:
            UsageError: There is none.
        """
        first = None
        for record in images:
            if self._candidates(record):
                return
            first = first or record["image"]
        if first is not None:
            raise UsageError(
                f"--masks {self._folder!r} has a mask of none of the images: that of {first!r} "
                f"would be {self._expected(first)!r}"
            )

    def of(self, record: Record, size: Size) -> ObjectMask:
        """Return the mask of an image.

        Args:
            record: The image's.
            size: Height and width of the network's input.

        Raises:
            ImageError: There is one, but it cannot be used.
        """
        names = self._candidates(record)
        if not names:
            return ObjectMask(None, (f"it has no mask {self._expected(record['image'])!r}",))
        if len(names) > 1:
            listed = " and ".join(map(repr, names))
            raise ImageError(f"it has more than one mask: {listed}; keep one")
        path = self._path(names[0])
        try:
            data = read_file(path, max_bytes=self._settings.max_bytes)
            mask = decode_mask(data, self._settings)
        except IgcliError as error:
            raise ImageError(f"its mask {path!r}: {error}") from error
        return self._fitted(mask, path, record, size)

    def _fitted(self, mask: Pixels, path: str, record: Record, size: Size) -> ObjectMask:
        """Fit a mask as the image was, after making it as large as the image.

        One in the size of the network's input is taken to be fitted already.
        """
        options, own = self._settings.model, (mask.shape[0], mask.shape[1])
        notice = ""
        if own != size:
            whole = self._image_size(record)
            if whole is None:
                notice = "the image cannot be read, so its mask is taken to be of the same shape"
            elif own != whole:
                sizes = f"{own[1]} x {own[0]}, and the image {whole[1]} x {whole[0]}"
                if own == whole[::-1]:
                    raise ImageError(f"its mask {path!r} is {sizes}: turn it upright")
                notice = f"its mask {path!r} is {sizes}: resized"
                mask = fit(mask, whole, how="squash", resample="nearest")
        fitted = fit(mask, size, how=options.fit, resample="nearest")
        return ObjectMask(fitted[:, :, 0] > 0, (notice,) if notice else ())

    def _image_size(self, record: Record) -> Size | None:
        """Return height and width of the image's file, upright; None if it cannot be read."""
        try:
            data = read_file(_source(record), max_bytes=self._settings.max_bytes)
            return upright_size(data, self._settings)
        except IgcliError:
            return None

    def _candidates(self, record: Record) -> list[str]:
        """Return the files that may be the mask of an image, relative to the folder."""
        try:
            split_name(record["image"])
        except OutputError:
            return []  # An edited record does not lead out of the folder.
        folder, base = os.path.split(record["image"])
        files = self._files(folder)
        names = [
            os.path.join(folder, name)
            for name in files.get(base, []) or files.get(os.path.splitext(base)[0], [])
        ]
        image = os.path.realpath(_source(record))  # It is no mask, if both are in one folder.
        return [name for name in names if os.path.realpath(self._path(name)) != image]

    def _expected(self, image: str) -> str:
        return self._path(f"{os.path.splitext(image)[0]}.png")

    def _path(self, name: str) -> str:
        return os.path.join(self._folder, name)

    def _list(self, folder: str) -> dict[str, list[str]]:
        """Return the files of a folder in it that may be masks, sorted, by stem."""
        by_stem: dict[str, list[str]] = {}
        try:
            names = sorted(os.listdir(self._path(folder)))
        except (OSError, ValueError):
            return by_stem
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in SUFFIXES and not name.startswith("."):
                by_stem.setdefault(stem, []).append(name)
        return by_stem


def _source(record: Record) -> str:
    """Return the path of an image's file; empty if the record has none."""
    source = record.get("source")
    return source if isinstance(source, str) else ""
