"""Opens a network of any kind."""

import logging

from igcli.errors import UsageError
from igcli.models.catalog.applications import PREFIX
from igcli.models.file_kind import disagreement, kind_of
from igcli.models.options import ModelOptions, check_files, is_name
from igcli.models.sources import OpenedModel

log = logging.getLogger(__name__)


def open_source(options: ModelOptions, *, trust: bool = False) -> OpenedModel:
    """Return the network that the options name.

    Args:
        options: The network.
        trust: Whether a Keras file may run its author's code.

    Raises:
        UsageError: The file does not exist or is not a kind that networks are read from, or an
            option is for networks of another kind.
        ModelError: The network cannot be read, or its input or output is missing or ambiguous.
    """
    check_files(options)
    _check_options_fit(options, trust=trust)
    source = options.source
    # Each kind is imported only when needed.
    if source == "demo":
        from igcli.models.sources import named

        return named.load_demo()
    if source == "inception_v1":
        from igcli.models.sources import named

        return named.load_inception_v1(options)
    if source.startswith(PREFIX):
        from igcli.models.sources import application

        return application.load(options)
    notice = disagreement(source)
    if notice is not None:
        log.warning(notice)
    kind = kind_of(source)
    if kind == "saved_model":
        from igcli.models.sources import saved_model

        return saved_model.load(options)
    if kind == "onnx":
        from igcli.models.sources import onnx_file

        return onnx_file.load(options)
    if kind == "frozen_graph":
        from igcli.models.sources import frozen_graph

        return frozen_graph.load(options)
    from igcli.models.sources import keras_file

    return keras_file.load(options, trust=trust)


def _check_options_fit(options: ModelOptions, *, trust: bool) -> None:
    """Refuse options for networks of another kind, and code that is not trusted."""
    source, objects = options.source, options.custom_objects
    kind = None if is_name(source) else kind_of(source)
    is_graph = source == "inception_v1" or kind == "frozen_graph"
    if options.feeds and not is_graph:
        raise UsageError(f"model.feeds: only applies to frozen graphs, not to {source}")
    if objects is None:
        return
    if kind != "keras":
        raise UsageError(f"model.custom_objects: only applies to Keras files, not to {source}")
    if not trust:
        raise UsageError(
            f"model.custom_objects: {objects} contains code that would be run: add --trust-model "
            "to the command line if you trust it and the model's file"
        )
