"""Opens a network of any kind."""

from igcli.errors import UsageError
from igcli.models.catalog.applications import PREFIX
from igcli.models.options import ModelOptions, check_files, is_name, is_onnx, is_saved_model
from igcli.models.sources import OpenedModel


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
    if is_saved_model(source):
        from igcli.models.sources import saved_model

        return saved_model.load(options)
    if is_onnx(source):
        from igcli.models.sources import onnx_file

        return onnx_file.load(options)
    if source.lower().endswith(".pb"):
        from igcli.models.sources import frozen_graph

        return frozen_graph.load(options)
    from igcli.models.sources import keras_file

    return keras_file.load(options, trust=trust)


def _check_options_fit(options: ModelOptions, *, trust: bool) -> None:
    """Refuse options for networks of another kind, and code that is not trusted."""
    source, objects = options.source, options.custom_objects
    is_graph = source == "inception_v1" or source.lower().endswith(".pb")
    is_keras = not (is_name(source) or is_graph or is_onnx(source) or is_saved_model(source))
    if options.feeds and not is_graph:
        raise UsageError(f"model.feeds: only applies to frozen graphs (.pb), not to {source}")
    if objects is None:
        return
    if not is_keras:
        raise UsageError(f"model.custom_objects: only applies to Keras files, not to {source}")
    if not trust:
        raise UsageError(
            f"model.custom_objects: {objects} contains code that would be run: add --trust-model "
            "to the command line if you trust it and the model's file"
        )
