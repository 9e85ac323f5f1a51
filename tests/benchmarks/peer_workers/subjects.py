"""What all peers are given: networks, images, points."""

from pathlib import Path

NETWORKS = {
    "resnet50v2": "ResNet50V2",
    "mobilenet": "MobileNet 0.25",
    "inception_v1": "Inception v1",
}
"""Networks with random weights of a fixed seed: their headings by name."""

PHOTOS = "mobilenet_photos"
"""MobileNet 0.25 with real weights, and photographs."""

IMAGES = 8
STEPS = 50

SHARED = Path(__file__).parents[4] / "shared"
MODEL = SHARED / "models" / "mobilenet_v1_0.25_224.keras"


def photos() -> list[Path]:
    """Return the photographs, none where they or their network are not there."""
    return sorted((SHARED / "photos").glob("*.jpg")) if MODEL.exists() else []
