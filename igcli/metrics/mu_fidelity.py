"""Correlation of attributions with falls of the score, over random subsets: large is good.

Source: Bhatt, Weller and Moura 2020 (arXiv 2005.00631), definition 3: the correlation, over subsets
S of one size, of the sum of the attributions in S with f(x) - f(x where S is replaced by the
baseline). The paper leaves open what features of an image are. By default they are the cells of a
9 x 9 grid, a fifth of them in a subset, 200 subsets, as in xplique 2.0; Quantus 0.6 (faithfulness
correlation) takes 100 subsets of 224 values and replaces by the smallest value of the image. The
correlation is Pearson's as in Quantus; xplique's is Spearman's, and each of its cells is in a
subset by chance, so that their number varies. The score is the explained one.
"""

import numpy as np

from igcli.integration.randomness import seeds
from igcli.integration.requests import Computation, predict_target
from igcli.metrics import Measurement, MetricOptions, Subject
from igcli.metrics._shared import replacement_for
from igcli.metrics._subsets import RandomSubsets, correlation, features_of

HEADING = "Mu-fidelity"
HIGHER_IS_BETTER = True
NEEDS_MASK = False
NEEDS_NETWORK = True
COMPARES_SCALES = False

UNDEFINED = "undefined: the scores, or the sums of the attributions, are the same for all subsets"


def measure(subject: Subject, options: MetricOptions) -> Computation[Measurement]:
    """Return the correlation over subsets of one size."""
    own = options.mu_fidelity
    features = features_of(subject.image.shape, own.features, own.grid)
    size = max(1, round(own.share * (int(features.max()) + 1)))
    subsets = RandomSubsets(
        subject.image,
        replacement_for(subject, own.fill),
        features,
        [size] * own.samples,
        seeds(subject.seed, subject.image, "mu_fidelity", own.samples),
    )
    scores = yield from predict_target(subsets, subject.target)
    falls = -scores.astype(np.float64)
    value = correlation(subsets.sums(subject.attributions), falls, own.correlation)
    return Measurement(value, warnings=() if value is not None else (UNDEFINED,))
