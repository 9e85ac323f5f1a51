"""Images as a network takes them: decoded, and fitted to its size and channels."""

from dataclasses import replace
from typing import TYPE_CHECKING

from igcli.config.schema import Settings
from igcli.images.colour import to_luma
from igcli.images.decode import Decoded, decode_whole
from igcli.images.files import read_source
from igcli.images.fit import fit
from igcli.records import Pixels, Source

if TYPE_CHECKING:
    from igcli.models.load import Model


def read_fitted(source: Source, model: "Model", settings: Settings) -> Pixels:
    """Read an image and fit it to a network.

    Returns:
        uint8 (height, width, 3), or (height, width, 1) for a network with one input channel.

    Raises:
        ImageError: The image cannot be read.
    """
    data = read_source(source, max_bytes=settings.max_bytes)
    return decode_fitted(data, model, settings).pixels


def decode_fitted(data: bytes, model: "Model", settings: Settings) -> Decoded:
    """Decode an image file and fit its pixels to a network.

    Args:
        data: The bytes of the file.
        model: The network.
        settings: Limits, colour management, and how images of another shape are fitted.

    Raises:
        ImageError: The image cannot be decoded.
    """
    decoded = decode_whole(data, settings)
    pixels = decoded.pixels if model.channels == 3 else to_luma(decoded.pixels)
    options = settings.model
    return replace(
        decoded, pixels=fit(pixels, model.size, how=options.fit, resample=options.resample)
    )
