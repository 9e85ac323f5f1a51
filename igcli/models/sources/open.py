"""Opens a network of any kind."""

from igcli.errors import UsageError
from igcli.models.catalog.applications import PREFIX
from igcli.models.options import ModelOptions, check_exists, is_name, is_saved_model
from igcli.models.sources import OpenedModel


def open_source(options: ModelOptions, *, trust: bool = False) -> OpenedModel:
    """Return the network that the options name.

    Args:
        options: Which one.
        trust: Whether a Keras file may bring code of its author's.

    Raises:
        UsageError: There is no such file, or no network is read from such a one; or an option is
            for models of another kind.
        ModelError: The network cannot be read, or its input or output is not there or not unique.
    """
    check_exists(options)
    _check_fitting(options, trust=trust)
    source = options.source
    # Each kind is imported when it is wanted.
    if source == "demo":
        from igcli.models.sources import demo

        return demo.load()
    if source == "inception_v1":
        from igcli.models.sources import inception_v1

        return inception_v1.load(options)
    if source.startswith(PREFIX):
        from igcli.models.sources import application

        return application.load(options)
    if is_saved_model(source):
        from igcli.models.sources import saved_model

        return saved_model.load(options)
    if source.lower().endswith(".pb"):
        from igcli.models.sources import frozen_graph

        return frozen_graph.load(options)
    from igcli.models.sources import keras_file

    return keras_file.load(options, trust=trust)


def _check_fitting(options: ModelOptions, *, trust: bool) -> None:
    """Refuse what is for models of another kind, and code that nobody trusts."""
    is_graph = options.source == "inception_v1" or options.source.lower().endswith(".pb")
    is_keras = not (is_name(options.source) or is_graph or is_saved_model(options.source))
    if options.feeds and not is_graph:
        raise UsageError(f"model.feeds: is for frozen graphs (.pb); {options.source} is none")
    if options.custom_objects is None:
        return
    if not is_keras:
        raise UsageError(f"model.custom_objects: is for Keras files; {options.source} is none")
    if not trust:
        raise UsageError(
            f"model.custom_objects: {options.custom_objects} would be run: add --trust-model to "
            "the command line if you trust it and the model's file"
        )
