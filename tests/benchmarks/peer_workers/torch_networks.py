"""The networks in PyTorch, layer by layer those of Keras and of the frozen graph."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.peer_workers.serving import Asked

torch: Any = importlib.import_module("torch")
F: Any = importlib.import_module("torch.nn.functional")

Network = Callable[[Any], Any]


def load(asked: Asked) -> Network:
    """Return the network: scores (N, K) of inputs (N, 3, 224, 224)."""
    with np.load(Path(asked.folder, f"{asked.network}.npz")) as file:
        weights = {name: _converted(name, file[name]) for name in file.files}
    if asked.network == "inception_v1":
        return _Inception(weights)
    return (_ResNet50V2 if asked.network == "resnet50v2" else _MobileNet)(weights)


def _converted(name: str, value: Any) -> Any:
    """Bring a kernel (h, w, in, out) to PyTorch's order; a depthwise one is (h, w, channels, 1)."""
    if value.ndim == 4:
        order = (2, 3, 0, 1) if "conv_dw" in name else (3, 2, 0, 1)
        kernel = torch.from_numpy(value.transpose(order).copy())
        return kernel.contiguous(memory_format=torch.channels_last)
    return torch.from_numpy(value.T.copy())


class _Layers:
    """Layers of Keras by name."""

    epsilon = 1e-3

    def __init__(self, weights: Mapping[str, Any]) -> None:
        self._weights = weights

    def conv(self, x: Any, name: str, *, stride: int = 1, groups: int = 1, padding: int = 0) -> Any:
        kernel, bias = self._weights[f"{name}/0"], self._weights.get(f"{name}/1")
        return F.conv2d(x, kernel, bias, stride, padding, groups=groups)

    def norm(self, x: Any, name: str) -> Any:
        gamma, beta, mean, variance = (self._weights[f"{name}/{place}"] for place in range(4))
        return F.batch_norm(x, mean, variance, gamma, beta, eps=self.epsilon)

    def dense(self, x: Any, name: str) -> Any:
        return F.linear(x, self._weights[f"{name}/0"], self._weights[f"{name}/1"])


class _ResNet50V2(_Layers):
    epsilon = 1.001e-5

    def __call__(self, x: Any) -> Any:
        x = self.conv(x, "conv1_conv", stride=2, padding=3)
        x = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)
        for stack, blocks in enumerate((3, 4, 6, 3), 2):
            for block in range(1, blocks + 1):
                stride = 2 if block == blocks and stack < 5 else 1
                x = self._block(x, f"conv{stack}_block{block}", stride)
        x = F.relu(self.norm(x, "post_bn")).mean((2, 3))
        return F.softmax(self.dense(x, "predictions"), 1)

    def _block(self, x: Any, name: str, stride: int) -> Any:
        before = F.relu(self.norm(x, f"{name}_preact_bn"))
        if name.endswith("block1"):
            shortcut = self.conv(before, f"{name}_0_conv", stride=stride)
        else:
            shortcut = F.max_pool2d(x, 1, stride) if stride > 1 else x
        x = F.relu(self.norm(self.conv(before, f"{name}_1_conv"), f"{name}_1_bn"))
        x = self.conv(x, f"{name}_2_conv", stride=stride, padding=1)
        return shortcut + self.conv(F.relu(self.norm(x, f"{name}_2_bn")), f"{name}_3_conv")


class _MobileNet(_Layers):
    def __call__(self, x: Any) -> Any:
        x = self._normed(F.pad(x, (0, 1, 0, 1)), "conv1", stride=2)
        for block in range(1, 14):
            halved = block in (2, 4, 6, 12)
            x = self._normed(
                F.pad(x, (0, 1, 0, 1)) if halved else x,
                f"conv_dw_{block}",
                stride=2 if halved else 1,
                groups=x.shape[1],
                padding=0 if halved else 1,
            )
            x = self._normed(x, f"conv_pw_{block}")
        x = self.conv(x.mean((2, 3), keepdim=True), "conv_preds")
        return F.softmax(x.flatten(1), 1)

    def _normed(self, x: Any, name: str, **settings: int) -> Any:
        return F.relu6(self.norm(self.conv(x, name, **settings), f"{name}_bn"))


class _Inception(_Layers):
    def __call__(self, x: Any) -> Any:
        x = _pool(F.relu(self.conv(F.pad(x, (2, 3, 2, 3)), "conv2d0", stride=2)))
        x = self._relu(_normalized(x), "conv2d1")
        x = _pool(_normalized(self._relu(x, "conv2d2", padding=1)))
        for part in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
            x = self._mixed(_pool(x) if part in ("4a", "5a") else x, f"mixed{part}")
        return F.softmax(self.dense(x.mean((2, 3)), "softmax2"), 1)

    def _mixed(self, x: Any, name: str) -> Any:
        three = self._relu(x, f"{name}_3x3_bottleneck")
        five = self._relu(x, f"{name}_5x5_bottleneck")
        branches = [
            self._relu(x, f"{name}_1x1"),
            self._relu(three, f"{name}_3x3", padding=1),
            self._relu(five, f"{name}_5x5", padding=2),
            self._relu(F.max_pool2d(x, 3, 1, 1), f"{name}_pool_reduce"),
        ]
        return torch.cat(branches, 1)

    def _relu(self, x: Any, name: str, **settings: int) -> Any:
        return F.relu(self.conv(x, name, **settings))


def _pool(x: Any) -> Any:
    """Halve as TensorFlow does; nothing is negative, so that zeros beside it change nothing."""
    return F.max_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2)


def _normalized(x: Any) -> Any:
    """Normalise over 11 channels; PyTorch divides alpha by their number."""
    return F.local_response_norm(x, 11, alpha=11e-4, beta=0.75, k=2.0)
