"""The option `--engine ray`: from what is asked to workers on many machines."""

import logging
import os
from typing import TYPE_CHECKING

from igcli.cli.attribute.request import RunRequest, earlier_of, say_demo, say_model
from igcli.outputs.exclusive_access import clear_place
from igcli.pipeline.calibration.recorded import settle
from igcli.pipeline.resume.earlier import Earlier
from igcli.pipeline.resume.shard_consistency import agree

if TYPE_CHECKING:
    from igcli.pipeline.distributed.run import FleetRun


def fleet_for(asked: RunRequest, earlier: Earlier) -> "FleetRun":
    """Start workers and return their run; nothing is lost before the network is known.

    Raises:
        UsageError: A setting is none for workers, or the cluster has no room for them.
        IgcliError: The cluster or the network cannot be had.
    """
    settled = settle(asked.settings, asked.place, earlier, panels=asked.panels)
    say_demo(asked)
    # Imported once everything that can be known without Ray is known to be right.
    from igcli.pipeline.distributed.messages import WorkerConfig
    from igcli.pipeline.distributed.pool import Pool
    from igcli.pipeline.distributed.run import FleetRun

    arguments = asked.arguments
    level = logging.getLogger("igcli").getEffectiveLevel()
    order = WorkerConfig(asked.settings, asked.panels, arguments.trust_model, os.getcwd(), level)  # noqa: PTH109
    address = arguments.ray_address or os.environ.get("RAY_ADDRESS")
    pool = Pool(order, workers=arguments.workers, address=address)
    try:
        say_model(asked, f"{pool.facts['device']}, {pool.workers} workers")
        if not agree(asked.place, earlier, pool.facts["model_sha256"]):
            earlier = earlier_of(asked)  # another shard came first
            settled = settle(asked.settings, asked.place, earlier, panels=asked.panels)
        if arguments.on_existing == "overwrite":
            clear_place(asked.place)
        return FleetRun(pool, asked.place, earlier=earlier, settled=settled)
    except BaseException:
        pool.stop()
        raise
