import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from igcli.gallery.run_page import write_gallery
from igcli.outputs.local_folder import LocalFolder
from support.chromium import Tab, chromium, installed

Browse = Callable[[Path], Tab]


@pytest.fixture(scope="module")  # While a browser is open, its event loop is that of the process.
def new_tab(pytestconfig: pytest.Config) -> Iterator[Callable[[], Tab]]:
    path = installed()
    if path is None:
        pytest.skip("no Chromium is installed")
    with chromium(path, is_slow=pytestconfig.getoption("--slow-pages")) as new:
        yield new


@pytest.fixture
def tab(new_tab: Callable[[], Tab]) -> Iterator[Tab]:
    tab = new_tab()
    yield tab
    tab.close()


@pytest.fixture
def browse(tab: Tab) -> Browse:
    """Write the gallery of a run and open it."""

    def browse(folder: Path) -> Tab:
        write_gallery(LocalFolder(os.fspath(folder)))
        tab.open((folder / "index.html").as_uri())
        return tab

    return browse
