"""Performance information curves: scores against the information of partly blurred images."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.spatial import Delaunay

from igcli.integration.randomness import generator
from igcli.metrics._options import PicAicOptions
from igcli.metrics._protocol import Curve, Measurement, Subject
from igcli.metrics._shared import area, channel_sums, ranks
from igcli.records import Array, Pixels

Mask = npt.NDArray[np.bool_]

SHARES = (0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.10, 0.13, 0.21, 0.34, 0.5, 0.75)
"""Shares of the pixels that are put in: those of PAIR's example."""

POINTS = 1001
"""Points of a curve."""

CHANNELS = "only images of one channel or three can be compressed"


def blurred_images(subject: Subject, own: PicAicOptions) -> "BlurredImages | None":
    """Return the blurred image, the ones with more and more pixels put in, and the image.

    None if it has neither one channel nor three, which are those that can be compressed.
    """
    if subject.image.shape[-1] not in (1, 3):
        return None
    pixels = np.rint(subject.image).clip(0, 255).astype(np.uint8)
    seen = _seen(subject, own.seen_share)
    shown = np.concatenate(
        [seen[None], _most_attributed(subject, own) | seen, np.ones((1, *seen.shape), np.bool_)]
    )
    return BlurredImages(pixels, shown, np.zeros(len(shown), np.int64))


def information_curve(
    values: npt.NDArray[Any], images: "BlurredImages", *, monotonic: bool
) -> Measurement:
    """Return the area under the curve of one image, and the curve.

    Args:
        values: (N,), what is held against the information of each image.
        images: All of them have been written.
        monotonic: Whether each value is replaced by the largest one so far.
    """
    information, values = images.sizes.astype(np.float64), values.astype(np.float64)
    if not values[-1] > values[0]:
        return undefined("the network does as well on the blurred image as on the image")
    if not information[-1] > information[0]:
        return undefined("the blurred image does not compress better than the image")
    shares, scores = (
        ((each - each[0]) / (each[-1] - each[0])).clip(0, 1) for each in (information, values)
    )
    if monotonic:
        scores = np.maximum.accumulate(scores)
    # As in PAIR's: among points of the same information, the ends come last.
    shares, scores = np.append(shares[1:-1], [0, 1]), np.append(scores[1:-1], [0, 1])
    order = np.argsort(shares, kind="stable")
    grid = np.linspace(0, 1, POINTS)
    curve = Curve(grid, np.interp(grid, shares[order], scores[order]))
    return Measurement(area(curve), curve)


def undefined(reason: str) -> Measurement:
    """Return a measurement without a value."""
    return Measurement(None, warnings=(f"undefined: {reason}",))


def _seen(subject: Subject, share: float) -> Mask:
    """Return the pixels that the blurred image is interpolated from, (H, W)."""
    seen = np.zeros(subject.image.shape[:2], np.bool_)
    random = generator(subject.seed, subject.image, "pic")
    seen.flat[random.choice(seen.size, int(share * seen.size), replace=False)] = True
    return seen


def _most_attributed(subject: Subject, own: PicAicOptions) -> Mask:
    """Return the pixels put in at each share, (shares, H, W)."""
    if own.ties == "position":
        order = ranks(subject.attributions)
        return np.stack([order < round(share * order.size) for share in SHARES])
    sums = channel_sums(subject.attributions)
    return np.stack([sums >= np.quantile(sums, 1 - share) for share in SHARES])


@dataclass(frozen=True, slots=True, eq=False)
class BlurredImages:
    """Images of which some pixels are shown and the others interpolated.

    Attributes:
        pixels: Uint8 (H, W, C), the image.
        shown: Bool (N, H, W), the pixels shown in each.
        sizes: Int64 (N,), the information of each image, its size in bytes as lossless WebP;
            filled in as they are written.
    """

    pixels: Pixels
    shown: Mask
    sizes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.shown)

    def write(self, indices: range, out: Array) -> None:
        """Write images, float32 (n, H, W, C), and note their sizes."""
        for index, image in zip(indices, out, strict=True):
            blurred = interpolated(self.pixels, self.shown[index])
            self.sizes[index] = _compressed_size(blurred)
            image[...] = blurred


def interpolated(pixels: Pixels, shown: Mask) -> Pixels:
    """Return an image whose other pixels are interpolated between those shown.

    Linearly on Delaunay's triangles, whose corners are the pixels shown and the image's corners.

    Args:
        pixels: Uint8 (H, W, C).
        shown: Bool (H, W).

    Returns:
        Uint8 (H, W, C).
    """
    known = shown.copy()
    known[[0, 0, -1, -1], [0, -1, 0, -1]] = True
    result = pixels.copy()
    if known.all():
        return result
    result[~known] = np.rint(pixels.mean((0, 1)))
    points = np.argwhere(known)
    if np.ptp(points, axis=0).all():
        _fill(result, known, points[Delaunay(points).simplices])
    return result


def _fill(result: Pixels, known: Mask, triangles: npt.NDArray[np.int64]) -> None:
    """Interpolate the unknown pixels in triangles between those at the corners.

    Args:
        result: Uint8 (H, W, C); unknown pixels are written.
        known: Bool (H, W).
        triangles: Int64 (T, 3, 2), rows and columns of the corners.
    """
    low = triangles.min(1)
    sides = triangles.max(1) - low + 1
    # Triangles of two pixels each way have no pixels but their corners.
    large = (sides > 2).any(1)
    triangles, low, sides = triangles[large], low[large], sides[large]
    # The pixels of the rectangle around each triangle, one after another.
    counts = sides.prod(1)
    of = np.repeat(np.arange(len(counts)), counts)
    position = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
    pixels = low[of] + np.stack(np.divmod(position, sides[of, 1]), -1)
    unknown = ~known[pixels[:, 0], pixels[:, 1]]
    of, pixels = of[unknown], pixels[unknown]
    a, b, c = (triangles[of, corner] for corner in range(3))
    parts = np.stack([_cross(b, c, pixels), _cross(c, a, pixels), _cross(a, b, pixels)])
    whole = parts.sum(0)
    inside = ((parts * np.sign(whole)) >= 0).all(0) & (whole != 0)
    corners = np.stack([result[each[inside, 0], each[inside, 1]] for each in (a, b, c)])
    weighted = (parts[:, inside, None] * corners).sum(0)
    rows, columns = pixels[inside].T
    result[rows, columns] = np.rint(weighted / whole[inside, None])


def _cross(
    a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], p: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return twice the signed areas of the triangles a, b, p, (N, 2) each."""
    area: npt.NDArray[np.int64] = (b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (
        b[:, 1] - a[:, 1]
    ) * (p[:, 0] - a[:, 0])
    return area


def _compressed_size(pixels: Pixels) -> int:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    image.save(buffer, "webp", lossless=True, quality=100)
    return buffer.tell()
