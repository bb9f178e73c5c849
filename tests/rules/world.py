"""Made-up exporters and servers, as functions of the time.

A world has one telephony server for each critical alert about the telephony, and one exporter for
each critical alert about an exporter. So all troubles can happen in it at the same time. Times are
in minutes from the start of a world.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

At = Callable[[int], float | None]
"""The value of a series at a minute; None where there is none."""

SERVICES = tuple(f"service-{number}" for number in range(4))

TROUBLES: Mapping[str, Mapping[str, str]] = {
    "XivoServiceDown": {"origin_uuid": "down", "service_name": SERVICES[0]},
    "XivoServicesStopped": {"origin_uuid": "stopped"},
    "XivoBusSilent": {"origin_uuid": "silent"},
    "XivoAgentsNoneLoggedIn": {"origin_uuid": "agents"},
    "XivoQueueNoneAvailable": {"origin_uuid": "queues", "queue": "support"},
    "XivoCallsUnattended": {"origin_uuid": "callers", "queue": "support"},
    "XivoEndpointsUnavailable": {"origin_uuid": "phones"},
    "XivoExporterAbsent": {"job": "xivo", "instance": "absent"},
    "XivoExporterMissing": {},
    "XivoExporterDisconnected": {"job": "xivo", "instance": "cut-off", "bus": "cut-off"},
    "XivoExporterNoDeliveries": {"job": "xivo", "instance": "deaf", "bus": "deaf"},
    "XivoExporterStalled": {"job": "xivo", "instance": "stalled"},
}
"""By critical alert, where its trouble happens: the labels of the alert without the severity."""

CONSEQUENCES: Sequence[Mapping[str, str]] = (
    {"alertname": "XivoQueueNoneAvailable", "origin_uuid": "callers", "queue": "support"},
)
"""Alerts that fire with those. Alertmanager mutes them."""

ORIGINS = tuple(each["origin_uuid"] for each in TROUBLES.values() if "origin_uuid" in each)
READERS = ("reader", "standby")
EXPORTERS = (*READERS, "absent", "cut-off", "deaf", "stalled", "missing")


@dataclass(frozen=True, kw_only=True)
class World:
    """What happens in a world. Everything is as usual unless an argument says otherwise.

    Args:
        start: The time at minute 0, UTC.
        minutes: Length.
        step: Minutes between two scrapes, and between two evaluations.
        has_api: Whether the exporter reads the state from the servers' APIs.
        trouble_at: When all troubles begin; None without them.
        staffed: Whether people work: agents are logged in, phones are on, events are published.
        knows: What the reader knows: `all`, `part` (a few entities) or `nothing`.
        reader: Instance of the exporter that reads the bus of the servers.
        starts: By instance, when exporters started again.
        stopped: Whether all servers are stopped. Their broker stops half an hour later.
        cluster: Whether the second reader shows the servers, and the first one reads their bus.
        cut_off: Whether no exporter is connected to the broker of the servers, which works.
        new_queue: From when on each server has one more queue, whose only member is paused. Half an
            hour before the troubles, the member becomes available.
    """

    start: datetime
    minutes: int
    step: int = 2
    has_api: bool = False
    trouble_at: int | None = None
    staffed: Callable[[int], bool] = lambda _: True
    knows: Callable[[int], str] = lambda _: "all"
    reader: Callable[[int], str] = lambda _: "reader"
    starts: Mapping[str, int] = field(default_factory=dict)
    stopped: Callable[[int], bool] = lambda _: False
    cluster: bool = False
    cut_off: Callable[[int], bool] = lambda _: False
    new_queue: int | None = None

    def is_troubled(self, t: int, alert: str) -> bool:
        """Return whether the trouble of an alert has begun."""
        assert alert in TROUBLES
        return self.trouble_at is not None and t >= self.trouble_at

    def is_troubled_at(self, origin: str, t: int, alert: str) -> bool:
        """Return whether the trouble of an alert has begun at this server."""
        return TROUBLES[alert]["origin_uuid"] == origin and self.is_troubled(t, alert)

    def works(self, t: int) -> bool:
        """Return whether people work with servers that are not stopped."""
        return self.staffed(t) and not self.stopped(t)

    def is_cut_off(self, t: int) -> bool:
        """Return whether no exporter is connected to the broker of the servers."""
        return self.cut_off(t) or (self.stopped(t) and self.stopped(t - 30))

    def shower(self, t: int) -> str:
        """Return the instance of the exporter that shows the servers."""
        return READERS[1] if self.cluster else self.reader(t)
