"""How bytewax runs the dataflow: alone or in a cluster, with or without a recovery store."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig
from bytewax.run import cli_main

from exporter.engine import cluster, recovery

EPOCH = timedelta(seconds=0.25)
"""How often deliveries are acknowledged: the prefetch must outlast it at full speed."""

RECOVERY_EPOCH = timedelta(seconds=1)
"""The same with a recovery store, to which each epoch writes the states that changed."""


class Runtime(NamedTuple):
    """The settings of one run of the dataflow.

    Attributes:
        recovery: Where states are kept; with None they are lost at the end.
        process_id: Place of this process in a cluster.
        addresses: Addresses of all processes of a cluster.
    """

    recovery: RecoveryConfig | None = None
    process_id: int | None = None
    addresses: list[str] | None = None

    def run(self, flow: Dataflow) -> None:
        """Run the dataflow until its sources end; needs the main thread.

        Raises:
            BaseException: Whatever went wrong in the dataflow. Panics of bytewax are no Exceptions.
        """
        cli_main(
            flow,
            epoch_interval=EPOCH if self.recovery is None else RECOVERY_EPOCH,
            recovery_config=self.recovery,
            process_id=self.process_id,
            addresses=self.addresses,
        )


def explain(error: BaseException) -> str | None:
    """Return why the dataflow failed in words for an administrator, None if nobody knows."""
    return recovery.explain(error) or cluster.explain(error)
