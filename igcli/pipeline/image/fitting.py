"""An image as the network takes it."""

from igcli.images.colour import to_luma
from igcli.images.fit import fit
from igcli.models.load import Model
from igcli.models.options import ModelOptions
from igcli.records import Pixels


def fitted(pixels: Pixels, model: Model, options: ModelOptions) -> Pixels:
    """Bring an image to a network's size and channels.

    Args:
        pixels: RGB, uint8 (H, W, 3).
        model: The network.
        options: How images of another size are fitted.

    Returns:
        uint8 (height, width, 3), or (height, width, 1) for a network of one channel.
    """
    own = pixels if model.channels == 3 else to_luma(pixels)
    return fit(own, model.size, how=options.fit, resample=options.resample)
