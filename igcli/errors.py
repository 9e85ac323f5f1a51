"""The family of errors: each message says what is wrong, where, and what to do."""


class IgcliError(Exception):
    """The run cannot go on; the message is one line for the user."""

    exit_code = 1


class UsageError(IgcliError):
    """A wrong configuration, argument or place to write to, known before any work starts."""

    exit_code = 2


class NoImagesError(IgcliError):
    """Nothing to do: no image was found."""

    exit_code = 4


class ModelError(IgcliError):
    """A network that cannot be read or differentiated."""


class OutOfMemoryError(ModelError):
    """The device's memory does not hold what the network was given at a time."""


class OutputError(IgcliError):
    """A result that cannot be written."""


class ImageError(IgcliError):
    """One image that cannot be attributed; the run goes on without it."""
