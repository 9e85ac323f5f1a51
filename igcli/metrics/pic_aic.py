"""Area under the accuracy against the information of the image as pixels are put in: large is good.

Source: Kapishnikov, Bolukbasi, Viégas and Terry 2019 (arXiv 1906.02825), accuracy information
curve. All is as in `pic_sic`, but for the score: the accuracy of one image is 1 where the target
has the largest score and 0 elsewhere. An image whose target is not the network's prediction, or is
that of the blurred image as well, has no curve. The blurred images are computed for each metric.
"""

from igcli.integration.requests import Computation, predict_all
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._information import CHANNELS, blurred_images, information_curve, undefined

HEADING = "AIC"
HIGHER_IS_BETTER = True
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the area under the accuracy information curve."""
    own = options.pic_aic
    images = blurred_images(subject, own)
    if images is None:
        return undefined(CHANNELS)
    scores = yield from predict_all(images)
    is_right = scores.argmax(-1) == subject.target
    if not is_right[-1]:
        return undefined("the target is not what the network predicts for the image")
    return information_curve(is_right, images, monotonic=own.monotonic)
