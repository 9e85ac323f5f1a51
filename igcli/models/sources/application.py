"""Networks of `keras.applications`."""

import contextlib
import hashlib
import io
import logging
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from igcli.errors import ModelError
from igcli.models.catalog.applications import APPLICATIONS, PREFIX, cached_weights
from igcli.models.options import ModelOptions
from igcli.models.runtime import first_line, tensorflow
from igcli.models.sources import OpenedModel, keras_model
from igcli.models.sources.keras_file import UNREADABLE, complete_weights
from igcli.options import setting

tensorflow()

import keras  # noqa: E402  Quietly, after TensorFlow.

log = logging.getLogger(__name__)


def load(options: ModelOptions) -> OpenedModel:
    """Build a network of `keras.applications` with the requested weights.

    Raises:
        ModelError: The weights could not be downloaded or do not fit, or the network does not have
            the requested output.
    """
    name = options.source.removeprefix(PREFIX)
    weights = options.weights or "imagenet"
    if weights == "imagenet":
        model = _with_imagenet(name)
    elif weights == "random":
        model = _build(name, None)
        _randomize(model)
    else:
        model = _with_file(name, weights)
    facts = keras_model.ModelFacts(
        options.source, _hash(name, model), APPLICATIONS[name].preprocess, imagenet_labels()
    )
    side = APPLICATIONS[name].size
    return replace(keras_model.from_keras(model, facts, options), size=(side, side))


def imagenet_labels() -> tuple[str, ...]:
    """Return the names of the 1,000 classes in Keras's order."""
    text = (files("igcli.models") / "imagenet_labels.txt").read_text("utf-8")
    return tuple(text.splitlines())


def _build(name: str, weights: str | None) -> Any:
    with complete_weights():
        return getattr(keras.applications, name)(weights=weights)


def _with_imagenet(name: str) -> Any:
    """Build with the published weights, which Keras downloads the first time and keeps."""
    progress = sys.stderr if sys.stderr.isatty() and log.isEnabledFor(logging.WARNING) else None
    # Keras writes its progress bar to standard output, which is for results only.
    with contextlib.redirect_stdout(progress or io.StringIO()), _DownloadErrors(name):
        return _build(name, "imagenet")


class _DownloadErrors:
    """Translates Keras's error for a failed download, which is a plain `Exception`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, Exception):
            return
        if kind is Exception or isinstance(error, (OSError, *UNREADABLE)):
            raise ModelError(
                f"model: the ImageNet weights of keras:{self._name} could not be downloaded: "
                f"{first_line(error)} (put the file at {cached_weights(self._name)}, or set "
                f"{setting('model.weights')} to a file or to random)"
            ) from None


def _with_file(name: str, weights: str) -> Any:
    suffixes = (".h5", ".keras", ".hdf5")
    if not weights.endswith(suffixes):
        raise ModelError(
            f"model.weights: {weights}: expected a Keras weights file ({' or '.join(suffixes)})"
        )
    try:
        return _build(name, str(Path(weights).resolve()))
    except OSError as error:
        reason = error.strerror or first_line(error)
        raise ModelError(f"model.weights: {weights} cannot be read: {reason}") from None
    except UNREADABLE as error:
        raise ModelError(
            f"model.weights: {weights} does not fit keras:{name}: {first_line(error)}"
        ) from None


def _randomize(model: Any) -> None:
    """Draw kernels from a generator with a fixed seed, so that every process has the same ones.

    Source: Glorot and Bengio 2010, equation 12, which is Keras's default for most layers.
    """
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) > 1:
            *window, fan_in, fan_out = weight.shape
            scale = np.sqrt(2 / (np.prod(window) * (fan_in + fan_out)))
            weight.assign(generator.standard_normal(weight.shape, np.float32) * scale)


def _hash(name: str, model: Any) -> str:
    """Return a hash of the network's name and weights, wherever these came from."""
    digest = hashlib.sha256(name.encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).view(np.uint8).reshape(-1).data)
    return digest.hexdigest()
