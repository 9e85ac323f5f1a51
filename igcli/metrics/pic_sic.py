"""Area under the score against the information of the image as pixels are put in: large is good.

Source: Kapishnikov, Bolukbasi, Viégas and Terry 2019 (arXiv 1906.02825), softmax information curve,
as in PAIR saliency 0.2.1 (`saliency.metrics.pic`). The blurred image is interpolated linearly from
one pixel in a hundred, drawn at random; the pixels of the largest attributions (their sums over the
channels) are put in at 13 shares from 0.5% to 75% of all pixels, and what lies between is
interpolated again. Information is the size of the image as lossless WebP. Both axes run from the
blurred image at 0 to the image at 1 and are cut off there. The curve is linear between the points
and, unless `monotonic: false`, never falls.

The value is that of one image. The paper's is the area under the median curve of many images. An
image that the network scores no higher than the blurred one has no curve, as with PAIR's. That also
skips images of scores below 0.8 (`min_score`), and takes all pixels that reach the quantile, so
that equal attributions come together (`ties`). If the run explains logits, the softmax of the paper
is `scores: softmax`.

Triangles and compression take two to four seconds of a processor for 224 x 224 pixels.
"""

import numpy as np

from igcli.integration.requests import Computation, predict_all
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._information import CHANNELS, blurred_images, information_curve, undefined
from igcli.records import Array

HEADING = "SIC"
HIGHER_IS_BETTER = True
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the area under the softmax information curve."""
    own = options.pic_sic
    images = blurred_images(subject, own)
    if images is None:
        return undefined(CHANNELS)
    scores = yield from predict_all(images)
    values = (_softmax(scores) if own.scores == "softmax" else scores)[:, subject.target]
    if values[-1] < own.min_score:
        reason = f"the score {values[-1]:.3g} of the image is below {own.min_score:g}"
        return undefined(reason)
    return information_curve(values, images, monotonic=own.monotonic)


def _softmax(logits: Array) -> Array:
    powers: Array = np.exp(logits - logits.max(-1, keepdims=True))
    powers /= powers.sum(-1, keepdims=True)
    return powers
