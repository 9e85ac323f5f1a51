"""How many gradients are evaluated at a time where nobody says."""


def batch_size_for(device: str) -> int:
    """Return a batch size for TensorFlow's device name.

    On two CPU cores 10 to 25 were the fastest; more brings nothing but memory.
    """
    return 25 if device.startswith("CPU") else 64
