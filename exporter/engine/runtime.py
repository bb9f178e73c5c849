"""Runs the dataflow in bytewax: alone or in a cluster, with or without a recovery store."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from exporter.engine import cluster, recovery

EPOCH = timedelta(seconds=0.25)
"""Interval of acknowledgements. Even at full speed, the prefetch must be enough for it."""

RECOVERY_EPOCH = timedelta(seconds=1)
"""The same with a recovery store. It is longer, because each epoch writes the changed states."""


class Runtime(NamedTuple):
    """The settings of one run of the dataflow.

    Attributes:
        recovery: The recovery store; with None, the states are lost at the end.
        process_id: Index of this process in the addresses of the cluster.
        addresses: Addresses of all processes of the cluster.
    """

    recovery: RecoveryConfig | None = None
    process_id: int | None = None
    addresses: list[str] | None = None

    def run(self, flow: Dataflow) -> None:
        """Run the dataflow until its sources end; call it from the main thread.

        Raises:
            BaseException: Any error in the dataflow. Panics of bytewax are not Exceptions.
        """
        cli_main(
            flow,
            epoch_interval=EPOCH if self.recovery is None else RECOVERY_EPOCH,
            recovery_config=self.recovery,
            process_id=self.process_id,
            addresses=self.addresses,
        )


ALONE = Runtime()
"""One process without a recovery store."""


def explain(error: BaseException) -> str | None:
    """Return why the dataflow failed, for an administrator; None if the cause is unknown."""
    return recovery.explain(error) or cluster.explain(error)
