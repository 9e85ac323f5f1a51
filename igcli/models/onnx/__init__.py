"""ONNX files as TensorFlow functions: parsed, checked, and computed operator by operator."""

from importlib.util import find_spec

from igcli.errors import UsageError


def check_installed(source: str) -> None:
    """Refuse an ONNX file where the `onnx` package is missing, without importing it.

    Raises:
        UsageError: The extra for ONNX is not installed.
    """
    if find_spec("onnx") is None:
        raise UsageError(f"model: {source}: ONNX files need an extra: pip install 'igcli[onnx]'")
