"""What steps: auto promises on the photos, measured by the benchmark's own functions."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.accuracy import photos_in, pixel_errors, run

from igcli.integration.options import PathOptions
from igcli.models.load import load
from igcli.models.options import ModelOptions
from igcli.pipeline.engine.engine import Engine


@pytest.mark.full
def test_photos_are_within_the_tolerance_for_fewer_gradients_than_bisection(shared: Path) -> None:
    source = str(shared / "models" / "mobilenet_v1_0.25_224.keras")
    model = load(ModelOptions.model_validate({"source": source, "preprocess": "tf"}), device="auto")
    engine = Engine(model.network, batch_size=25)
    images = list(photos_in(shared / "photos", model))
    exact = run(images, engine, PathOptions(steps=1000))
    refined = run(images, engine, PathOptions(steps="auto"))
    assert len(images) == 39
    # Plain bisection took 48 evaluations: 4.3% worst, pixels 8.3% (95th percentile), 12.3% (worst).
    assert np.mean([image.evaluations for image in refined]) <= 48
    assert max(image.completeness for image in refined) <= 0.05
    pixels = pixel_errors(refined, exact)
    assert np.percentile(pixels, 95) <= 0.083
    assert pixels.max() <= 0.123
    hard = int(np.argmax([image.evaluations for image in refined]))
    few = [images[place] for place in (0, hard)]
    for size in (1, 7):
        for one, other in zip(
            run(few, Engine(model.network, batch_size=size), PathOptions(steps="auto")),
            (refined[0], refined[hard]),
            strict=True,
        ):
            assert one.evaluations == other.evaluations
            largest = np.abs(other.pixels).max()
            assert np.abs(one.pixels - other.pixels).max() <= 1e-5 * largest
