"""Quantus's metrics, on PyTorch.

Pixels are replaced by zero: its "black" is the smallest value of the image.
"""

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from benchmarks.agreement_workers.common import run
from benchmarks.agreement_workers.torch_network import Network, first, torch

quantus: Any = importlib.import_module("quantus")
functions: Any = importlib.import_module("quantus.functions.perturb_func")

QUIET = {"disable_warnings": True, "display_progressbar": False}
PLAIN = {"abs": False, "normalise": False, "return_aggregate": False, **QUIET}


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all metrics."""
    network, target = Network(given).eval(), int(given["target"])
    image = first(given["image"]).numpy()

    def value(metric: Any, of: str = "attributions", **arguments: Any) -> Any:
        attributions = first(given[of]).numpy().copy()
        asked = {"x_batch": image.copy(), "y_batch": np.array([target]), "a_batch": attributions}
        found = metric(model=network, device="cpu", softmax=False, **asked, **arguments)
        values = found.values() if isinstance(found, dict) else found[0]
        return np.asarray([*values] if isinstance(found, dict) else values, np.float64)

    score = network(torch.from_numpy(image)).detach().numpy()[0, target]
    flipped = value(quantus.PixelFlipping(features_in_step=1, perturb_baseline=0.0, **PLAIN))
    curve = np.append(score, flipped)

    def regions(order: str) -> Any:
        falls = value(
            quantus.RegionPerturbation(
                patch_size=4, order=order, regions_evaluation=20, perturb_baseline=0.0, **PLAIN
            )
        )
        return falls.sum() / (len(falls) + 1)

    mask = first(given["mask"][..., None]).numpy()
    return {
        "pixel_flipping": np.trapezoid(curve) / (len(curve) - 1),
        "region_perturbation": regions("morf"),
        "region_perturbation_lerf": regions("lerf"),
        "faithfulness_correlation": _correlation(given, value),
        "infidelity": value(
            quantus.Infidelity(
                perturb_patch_sizes=[image.shape[-1]],
                n_perturb_samples=1,
                perturb_baseline=0.0,
                **PLAIN,
            ),
            of="gradients",
        ),
        "max_sensitivity": _sensitivity(given, value),
        "road": value(quantus.ROAD(percentages=[*range(10, 100, 10)], noise=0.0, **PLAIN)).mean(),
        "road_score": _road_score(given, network, target),
        "sparseness": value(quantus.Sparseness(**{**PLAIN, "abs": True, "normalise": True})),
        "pointing_game": value(quantus.PointingGame(**PLAIN), s_batch=mask),
        "mass_accuracy": value(
            quantus.RelevanceMassAccuracy(**{**PLAIN, "abs": True}), s_batch=mask
        ),
        "rank_accuracy": value(quantus.RelevanceRankAccuracy(**PLAIN), s_batch=mask),
    }


def _correlation(given: dict[str, Any], value: Any) -> Any:
    inputs = given["faithfulness_correlation_inputs"]
    subsets = [np.flatnonzero(each == 0) for each in inputs]
    drawn = iter(subsets)
    random: Any = np.random
    random.choice = lambda *_, **__: next(drawn)
    return value(
        quantus.FaithfulnessCorrelation(
            nr_runs=len(subsets),
            subset_size=len(subsets[0]),
            perturb_baseline=0.0,
            **PLAIN,
        )
    )


def _sensitivity(given: dict[str, Any], value: Any) -> Any:
    near: Iterator[Any] = iter([first(each) for each in given["max_sensitivity_inputs"]])

    def perturb(**_: Any) -> Any:
        return next(near).numpy().reshape(1, -1)

    def explain(model: Any, inputs: Any, targets: Any, **_: Any) -> Any:
        points = torch.as_tensor(inputs, dtype=torch.float32).requires_grad_()
        model(points)[0, int(targets[0])].backward()
        return points.grad.numpy()

    metric = quantus.MaxSensitivity(
        nr_samples=len(given["max_sensitivity_inputs"]), perturb_func=perturb, **PLAIN
    )
    return value(metric, of="gradients", explain_func=explain)


def _road_score(given: dict[str, Any], network: Any, target: int) -> Any:
    image = given["image"].transpose(2, 0, 1).astype(np.float64)
    order = np.argsort(-given["attributions"].sum(-1), axis=None, kind="stable")
    scores = []
    for tenth in range(1, 10):
        removed = order[: int(order.size * tenth / 10)]
        imputed = functions.noisy_linear_imputation(image, removed, noise=0.0)
        points = torch.from_numpy(imputed[None].astype(np.float32))
        scores.append(network(points).detach().numpy()[0, target])
    return np.mean(scores)


if __name__ == "__main__":
    run(find)
