"""Arrays as the bytes of an .npz file."""

import io
import zipfile

import numpy as np
import numpy.typing as npt


def encode_arrays(**arrays: npt.ArrayLike) -> bytes:
    """Return the bytes of an .npz file with `arrays` by name, equal for equal arrays.

    Not compressed: deflating the float32 arrays of one image of 224 x 224 takes 20 ms instead
    of 3 and leaves half the size, with bytes that differ from one zlib to another.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            undated = zipfile.ZipInfo(f"{name}.npy")
            with archive.open(undated, "w") as member:
                np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
    return file.getvalue()
