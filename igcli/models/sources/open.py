"""Opens a network of any kind."""

from pathlib import Path

from igcli.models.applications import PREFIX
from igcli.models.options import ModelOptions, check_exists
from igcli.models.sources import Loaded


def open_source(options: ModelOptions, *, trust: bool = False) -> Loaded:
    """Return the network that the options name.

    Args:
        options: Which one.
        trust: Whether a Keras file may bring code of its author's.

    Raises:
        UsageError: There is no such file, or no network is read from such a one.
        ModelError: The network cannot be read, or its input or output is not there or not unique.
    """
    check_exists(options)
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
    if Path(source).is_dir():
        from igcli.models.sources import saved_model

        return saved_model.load(options)
    if source.lower().endswith(".pb"):
        from igcli.models.sources import frozen_graph

        return frozen_graph.load(options)
    from igcli.models.sources import keras_file

    return keras_file.load(options, trust=trust)
