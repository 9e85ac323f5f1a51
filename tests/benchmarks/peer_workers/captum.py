"""captum, on PyTorch."""

import importlib
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from benchmarks.peer_workers.serving import Array, Asked, Found, Images, serve
from benchmarks.peer_workers.torch_networks import load, torch


class Captum:
    """`IntegratedGradients` with its default rule, Gauss-Legendre; channels last."""

    def __init__(self, asked: Asked) -> None:
        attr: Any = importlib.import_module("captum.attr")
        self._network = load(asked)
        self._rounded = asked.precision == "bfloat16"
        self._explainer = attr.IntegratedGradients(self._forward)
        self._evaluations = 0

    def attribute(self, images: Images, *, steps: int, batch_size: int) -> Found:
        self._evaluations = 0
        inputs = _tensor(images.inputs)
        with self._precision():
            found = self._explainer.attribute(
                inputs,
                baselines=torch.full_like(inputs, float(images.baseline)),
                target=torch.from_numpy(images.targets),
                n_steps=steps,
                internal_batch_size=batch_size,
            )
        attributions = found.detach().float().numpy().transpose(0, 2, 3, 1)
        return Found(attributions, self._evaluations)

    def scores(self, images: Images) -> tuple[Array, Array]:
        inputs = _tensor(images.inputs)
        rows = np.arange(len(images.targets)), images.targets
        with torch.no_grad(), self._precision():
            ends = (inputs, torch.full_like(inputs, float(images.baseline)))
            scores, baseline_scores = (self._network(end).float().numpy()[rows] for end in ends)
        return scores, baseline_scores

    def _forward(self, inputs: Any) -> Any:
        self._evaluations += len(inputs)
        return self._network(inputs.contiguous(memory_format=torch.channels_last))

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast("cpu", torch.bfloat16) if self._rounded else nullcontext()


def _tensor(images: Array) -> Any:
    inputs = torch.from_numpy(images.transpose(0, 3, 1, 2))
    return inputs.contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    serve(Captum, ["captum", "torch"])
