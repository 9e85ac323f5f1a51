"""captum, on PyTorch, whose images have their channels first."""

import importlib
from typing import Any

import numpy as np
from benchmarks.agreement_workers.common import run

torch: Any = importlib.import_module("torch")
attr: Any = importlib.import_module("captum.attr")


class Network(torch.nn.Module):  # type: ignore[misc]
    """The network of the problem."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 6, 3)
        self.tanh = torch.nn.Tanh()
        filters = torch.from_numpy(given["filters"].transpose(3, 2, 0, 1).copy())
        self.conv.weight = torch.nn.Parameter(filters)
        self.conv.bias = torch.nn.Parameter(torch.from_numpy(given["offsets"]))
        self.matrix = torch.from_numpy(given["matrix"])

    def forward(self, inputs: Any) -> Any:
        values = self.tanh(self.conv(inputs)).permute(0, 2, 3, 1)
        return torch.softmax(values.reshape(len(inputs), -1) @ self.matrix, 1)


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

    rules = ("riemann_left", "riemann_right", "riemann_middle", "riemann_trapezoid")
    layer = attr.LayerIntegratedGradients(network, network.tanh)
    return {
        "saliency": last(attr.Saliency(network).attribute(image.requires_grad_(), target=target)),
        "input_x_gradient": last(attr.InputXGradient(network).attribute(image, target=target)),
        **{rule: integrated(rule) for rule in (*rules, "gausslegendre")},
        "gradients_alone": integrated("riemann_middle", multiplied=False),
        "layer": last(
            layer.attribute(
                image, baselines=baseline, target=target, n_steps=steps, method="riemann_middle"
            )
        ),
        "smoothgrad": noisy("smoothgrad"),
        "smoothgrad_squared": noisy("smoothgrad_sq"),
        "vargrad": noisy("vargrad"),
    }


def first(image: Any) -> Any:
    """Return a batch of one, channels first."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))


if __name__ == "__main__":
    run(find)
