from pathlib import Path

import pytest

from igcli.config.schema import Panel, Settings
from igcli.errors import UsageError
from igcli.outputs.local_folder import LocalFolder
from igcli.outputs.shards import RunLocation
from igcli.pipeline.calibration.recorded import recorded_calibration
from igcli.pipeline.resume.earlier import EarlierResults
from support.runs import ok, write_run

SETTINGS = Settings(panel=Panel(scale="shared"))
RECORD = ok("a.png", panel_scales={"integrated_gradients": 0.25})


@pytest.fixture
def location(tmp_path: Path) -> RunLocation:
    return RunLocation(LocalFolder(str(write_run(tmp_path, [RECORD]))))


def test_scales_are_those_of_the_results_that_the_run_continues(location: RunLocation) -> None:
    earlier = EarlierResults(SETTINGS, record=RECORD)  # type: ignore[arg-type]
    calibration = recorded_calibration(SETTINGS, location, earlier, panels=True)
    assert calibration.scales == {"integrated_gradients": 0.25}


def test_a_run_that_starts_over_takes_no_scales_of_what_it_replaces(location: RunLocation) -> None:
    with pytest.raises(UsageError, match=r"panel\.scale: shared is determined by the first images"):
        recorded_calibration(SETTINGS, location, EarlierResults(SETTINGS), panels=True)
