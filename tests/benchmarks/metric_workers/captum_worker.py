"""captum's metrics."""

import importlib
from typing import Any

from benchmarks.agreement_workers.common import run
from benchmarks.agreement_workers.torch_network import Network, first, torch

metrics: Any = importlib.import_module("captum.metrics")
attr: Any = importlib.import_module("captum.attr")


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of all metrics."""
    network, target, image = Network(given), int(given["target"]), first(given["image"])

    def infidelity(name: str, *, multiplied: bool, of: str, normalize: bool = False) -> Any:
        perturbed = torch.cat([first(each) for each in given[f"{name}_inputs"][1:]])

        perturb = metrics.infidelity_perturb_func_decorator(multiplied)
        return metrics.infidelity(
            network,
            perturb(lambda _: perturbed),
            image,
            first(given[of]),
            target=target,
            n_perturb_samples=len(perturbed),
            normalize=normalize,
        )[0]

    near = torch.cat([first(each) for each in given["sensitivity_max_inputs"]])

    return {
        "infidelity": infidelity("infidelity", multiplied=True, of="attributions"),
        "infidelity_local": infidelity("infidelity_local", multiplied=False, of="gradients"),
        "infidelity_normalized": infidelity(
            "infidelity_normalized", multiplied=True, of="attributions", normalize=True
        ),
        "sensitivity_max": metrics.sensitivity_max(
            attr.Saliency(network).attribute,
            image,
            lambda *_: near,
            n_perturb_samples=len(near),
            target=target,
            abs=False,
        )[0],
    }


if __name__ == "__main__":
    run(find)
