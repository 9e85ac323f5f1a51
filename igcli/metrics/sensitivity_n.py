"""Mean correlation of attributions with falls of the score, by the size of subsets: large is good.

Source: Ancona, Ceolini, Öztireli and Gross 2018 (arXiv 1711.06104), sensitivity-n: for each n, the
Pearson correlation, over 100 random subsets of n features, of the sum of their attributions with
the fall of the score when they are replaced by zero; n goes from one to 80% of the features. The
value is the mean over n, the curve has the correlation at each share n/d. Ten sizes in geometric
steps are used here, 50 in the authors' code, whose features are single values; a feature here is a
pixel by default. The paper explains logits; the score here is the explained one.

Sensitivity-n of Quantus 0.6 is something else: features are removed in the order of their
attributions, without random subsets, and the correlation is over the images at each step.
"""

import numpy as np

from igcli.integration.randomness import seeds
from igcli.integration.requests import Computation, predict_target
from igcli.metrics import Curve, Measurement, MetricOptions, Subject
from igcli.metrics._shared import replacement_for
from igcli.metrics._subsets import RandomSubsets, correlation, features_of

HEADING = "Sensitivity-n"
HIGHER_IS_BETTER = True
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False

UNDEFINED = (
    "{count} of {sizes} sizes are left out: the scores, or the sums of the "
    "attributions, are the same for all subsets"
)


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the mean over the sizes, and the correlation against the share of the features."""
    own = options.sensitivity_n
    features = features_of(subject.image.shape, own.features, own.grid)
    count = int(features.max()) + 1
    largest = max(1.0, own.max_share * count)
    sizes = np.unique(np.rint(np.geomspace(1, largest, own.sizes)).astype(np.int64))
    total = len(sizes) * own.samples
    subsets = RandomSubsets(
        subject.image,
        replacement_for(subject, own.fill),
        features,
        np.repeat(sizes, own.samples).tolist(),
        seeds(subject.seed, subject.image, "sensitivity_n", total),
    )
    scores = yield from predict_target(subsets, subject.target)
    falls = -scores.astype(np.float64).reshape(len(sizes), -1)
    sums = subsets.sums(subject.attributions).reshape(falls.shape)
    found = [correlation(*pair, own.correlation) for pair in zip(sums, falls, strict=True)]
    defined = np.array([value is not None for value in found])
    missing = len(sizes) - int(defined.sum())
    warnings = (UNDEFINED.format(count=missing, sizes=len(sizes)),) if missing else ()
    if not defined.any():
        return Measurement(None, warnings=warnings)
    correlations = np.array([value for value in found if value is not None])
    curve = Curve(sizes[defined] / count, correlations)
    return Measurement(float(correlations.mean()), curve, warnings)
