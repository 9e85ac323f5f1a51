import os
from pathlib import Path

import pytest

from igcli.outputs.local_folder import LocalFolder


@pytest.fixture
def output(tmp_path: Path) -> LocalFolder:
    folder = LocalFolder(os.fspath(tmp_path / "out"))
    folder.create()
    return folder
