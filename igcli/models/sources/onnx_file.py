"""Networks in ONNX files, as PyTorch, timm, JAX and MATLAB export them."""

from typing import TYPE_CHECKING

from igcli.models import onnx
from igcli.models.options import ModelOptions, Preprocess
from igcli.models.sources import OpenedModel

if TYPE_CHECKING:
    from igcli.models.onnx.graph import Graph


def load(options: ModelOptions) -> OpenedModel:
    """Load an ONNX file.

    Raises:
        UsageError: The extra for ONNX is not installed.
        ModelError: The file cannot be read, or is no image classifier.
    """
    onnx.check_installed(options.source)
    from igcli.models.onnx import file
    from igcli.models.onnx.graph import Graph

    model, sha256 = file.read(options.source)
    graph = Graph(model, image=options.input, output=options.output)
    return OpenedModel(
        function=graph,
        input_shape=graph.input_shape,
        dtype=graph.dtype,
        preprocess="none",
        labels=None,
        sha256=sha256,
        input=graph.input,
        output=graph.output,
        parameters=graph.parameters,
        suggested_preprocess=_suggested_preprocess(model.producer_name, graph),
    )


def _suggested_preprocess(producer: str, graph: "Graph") -> Preprocess | None:
    """Return the preprocessing of torchvision for a network of PyTorch that has none of its own."""
    is_rgb = len(graph.input_shape) == 3 and graph.input_shape[0] == 3
    if producer == "pytorch" and is_rgb and graph.begins_with_convolution:
        return "torch"
    return None
