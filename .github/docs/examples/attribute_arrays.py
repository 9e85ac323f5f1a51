"""Attribute images in Python with two methods, and save a picture of the result.

Usage: python attribute_arrays.py IMAGE...   (writes attributions.png to the current folder)
"""

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

import igcli

METHODS = ("integrated_gradients", "idgi")


def heat_map(attributions: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Return positive attributions (H, W, C) as grey pixels (H, W, 3), uint8."""
    values = attributions.mean(-1).clip(0)
    scaled = (values / np.percentile(values, 99.5)).clip(0, 1)
    return np.repeat((255 * scaled).astype(np.uint8)[..., None], 3, -1)


def main(paths: list[str]) -> None:
    """Print a line for each image and method, and save a row of pictures for each image."""
    model = igcli.load_model("demo")
    height, width = model.size
    images = np.stack(
        [np.asarray(Image.open(path).convert("RGB").resize((width, height))) for path in paths]
    )
    columns = [images]
    for method in METHODS:
        result = igcli.attribute(model, images, method=method, steps=50)
        columns.append(np.stack([heat_map(one) for one in result.attributions]))
        for path, target, score, error in zip(
            paths, result.targets, result.scores, result.completeness_errors, strict=True
        ):
            name, label = Path(path).name, model.label(target)
            print(f"{name}: {label} {score:.3f}, {method}, completeness error {error:.4f}")
    rows = [np.concatenate(row, 1) for row in zip(*columns, strict=True)]
    Image.fromarray(np.concatenate(rows, 0)).save("attributions.png")


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit(__doc__)
    main(sys.argv[1:])
