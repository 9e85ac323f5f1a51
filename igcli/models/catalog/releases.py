"""Networks that are published as an archive: what is in it, byte for byte."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Member:
    """A file of an archive.

    Attributes:
        name: Its name in the archive.
        sha256: Of its contents, hexadecimal.
        most_bytes: More than this is not even unpacked.
    """

    name: str
    sha256: str
    most_bytes: int


@dataclass(frozen=True, slots=True)
class Release:
    """A published archive.

    Attributes:
        name: The network's.
        url: Where it is published.
        sha256: Of the archive, hexadecimal.
        graph: The frozen graph in it.
        labels: The class names in it.
    """

    name: str
    url: str
    sha256: str
    graph: Member
    labels: Member

    @property
    def archive(self) -> str:
        """The archive's file name."""
        return self.url.rsplit("/", 1)[-1]

    @property
    def members(self) -> tuple[Member, ...]:
        """The files that are needed; others in the archive are not looked at."""
        return (self.graph, self.labels)


INCEPTION_V1 = Release(
    name="inception_v1",
    url="https://storage.googleapis.com/download.tensorflow.org/models/inception5h.zip",
    sha256="d13569f6a98159de37e92e9c8ec4dae8f674fbf475f69fe6199b514f756d4364",
    graph=Member(
        "tensorflow_inception_graph.pb",
        "a39b08b826c9d5a5532ff424c03a3a11a202967544e389aca4b06c2bd8aef63f",
        100_000_000,
    ),
    labels=Member(
        "imagenet_comp_graph_label_strings.txt",
        "da2a31ecfe9f212ae8dd07379b11a74cb2d7a110eba12c5fc8c862a65b8e6606",
        1_000_000,
    ),
)

RELEASES = MappingProxyType({INCEPTION_V1.name: INCEPTION_V1})
"""Every release by its network's name; the hashes are the program's, never a setting."""
