"""captum."""

import importlib
from typing import Any

from benchmarks.agreement_workers.common import run
from benchmarks.agreement_workers.torch_network import Network, first, torch

attr: Any = importlib.import_module("captum.attr")


def find(given: dict[str, Any]) -> dict[str, Any]:
    """Return the attributions of all methods."""
    network, target, steps = Network(given), int(given["target"]), int(given["steps"])
    image, baseline = first(given["image"]), first(given["baseline"])

    def last(found: Any) -> Any:
        return found.detach().numpy()[0].transpose(1, 2, 0)

    def integrated(method: str, *, multiplied: bool = True) -> Any:
        explainer = attr.IntegratedGradients(network, multiply_by_inputs=multiplied)
        found = explainer.attribute(
            image, baselines=baseline, target=target, n_steps=steps, method=method
        )
        return last(found)

    def noisy(kind: str) -> Any:
        noise = torch.cat([first(each) for each in given["noise"]])
        torch.normal = lambda *_: noise
        explainer = attr.NoiseTunnel(attr.Saliency(network))
        samples = len(given["noise"])
        found = explainer.attribute(
            image, nt_type=kind, nt_samples=samples, target=target, stdevs=1.0, abs=False
        )
        return last(found)

    activation_map = attr.LayerAttribution.interpolate(
        attr.LayerGradCam(network, network.tanh).attribute(
            image, target=target, relu_attributions=True
        ),
        image.shape[2:],
        "bilinear",
    )
    with torch.no_grad():
        occluded = attr.Occlusion(network).attribute(
            image, (3, 5, 5), strides=(3, 3, 3), baselines=baseline, target=target
        )
    rules = ("riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")
    layer = attr.LayerIntegratedGradients(network, network.tanh)
    return {
        "occlusion": last(occluded) / 3,
        "saliency": last(attr.Saliency(network).attribute(image.requires_grad_(), target=target)),
        "input_x_gradient": last(attr.InputXGradient(network).attribute(image, target=target)),
        **{rule: integrated(rule) for rule in (*rules, "gausslegendre")},
        "gradients_alone": integrated("riemann_middle", multiplied=False),
        "layer": last(
            layer.attribute(
                image, baselines=baseline, target=target, n_steps=steps, method="riemann_middle"
            )
        ),
        "grad_cam": last(activation_map.repeat(1, 3, 1, 1) / 3),
        "smoothgrad": noisy("smoothgrad"),
        "smoothgrad_squared": noisy("smoothgrad_sq"),
        "vargrad": noisy("vargrad"),
    }


if __name__ == "__main__":
    run(find)
