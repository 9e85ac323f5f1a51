"""Arrays of results: encoded as .npz files, and read back."""

import io
import zipfile
import zlib
from collections.abc import Collection
from tokenize import TokenError
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from igcli.errors import ImageError
from igcli.outputs.folder import OutputFolder

DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    KeyError,
    TypeError,
    ValueError,
    EOFError,
    OSError,
    MemoryError,
    SyntaxError,
    TokenError,
)
"""What NumPy raises for files that are damaged or something else: TypeError for a single array, and
the last two for a header, which is Python."""

NO_NUMBERS = "it is damaged, or not an .npz file of numbers"


def encode_arrays(**arrays: npt.ArrayLike) -> bytes:
    """Return the bytes of an .npz file with `arrays` by name; equal arrays give equal bytes.

    Not compressed: deflating the float32 arrays of one image of 224 x 224 takes 20 ms instead
    of 3, halves the size, and gives bytes that depend on the version of zlib.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            undated = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(undated, "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return file.getvalue()


def read_array(folder: OutputFolder, name: str, key: str) -> npt.NDArray[Any]:
    """Return the array `key` of the .npz file `name`.

    Raises:
        ImageError: The file is damaged, or has no such array.
        OutputError: It is missing or cannot be read.
    """
    with folder.open_to_read(name) as file:
        arrays = decode_arrays(file, name, [key])
    if key not in arrays:
        raise ImageError(f"cannot read array {key!r} from {name!r}: there is none of this name")
    return arrays[key]


def decode_arrays(file: IO[bytes], name: str, keys: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an open .npz file that are among `keys`.

    Raises:
        ImageError: The file is damaged; the message calls it `name`.
    """
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files if key in keys}
    except DAMAGED as error:
        listed = ", ".join(map(repr, keys))
        # NumPy takes what it does not know for a pickle, and says how to load that.
        reason = NO_NUMBERS if "pickle" in str(error) else error
        raise ImageError(f"cannot read array {listed} from {name!r}: {reason}") from error
