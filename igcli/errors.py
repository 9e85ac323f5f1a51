"""All errors of igcli; each message says what is wrong, where, and what to do."""

FINDINGS = 3
"""Exit code of a command that finished, but found failures, missing results or disagreement."""


class IgcliError(Exception):
    """Base class: the run cannot continue. The message is one line for the user."""

    exit_code = 1


class UsageError(IgcliError):
    """An invalid configuration, argument or output, found before any work starts."""

    exit_code = 2


class NoImagesError(IgcliError):
    """No image was found, so there is nothing to do."""

    exit_code = 4


class ModelError(IgcliError):
    """A network that cannot be read or differentiated."""


class OutOfMemoryError(ModelError):
    """A batch does not fit into the device's memory."""


class DeviceError(ModelError):
    """A device that fails while it computes a batch."""


class OutputError(IgcliError):
    """A result that cannot be written."""


class ImageError(IgcliError):
    """One image that cannot be attributed; the run continues without it."""
