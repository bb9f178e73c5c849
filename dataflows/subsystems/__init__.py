"""All subsystems. A new one needs a module in this package and an entry in `SUBSYSTEMS`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dataflows import knowledge
from dataflows.metric import MetricSpec
from dataflows.subsystem import Subsystem
from dataflows.subsystems import (
    agents,
    bus,
    call_forms,
    calls,
    chat,
    conferences,
    deliveries,
    endpoints,
    faxes,
    lines,
    parking,
    queue_calls,
    queues,
    services,
    switchboards,
    trunks,
    users,
    voicemail,
)

SUBSYSTEMS: tuple[Subsystem, ...] = (
    agents.SUBSYSTEM,
    endpoints.SUBSYSTEM,
    lines.SUBSYSTEM,
    trunks.SUBSYSTEM,
    queues.SUBSYSTEM,
    queue_calls.SUBSYSTEM,
    calls.SUBSYSTEM,
    users.SUBSYSTEM,
    services.SUBSYSTEM,
    chat.SUBSYSTEM,
    call_forms.SUBSYSTEM,
    switchboards.SUBSYSTEM,
    voicemail.SUBSYSTEM,
    parking.SUBSYSTEM,
    conferences.SUBSYSTEM,
    faxes.SUBSYSTEM,
    bus.SUBSYSTEM,
    deliveries.SUBSYSTEM,
)

OPTIONAL = tuple(each.name for each in SUBSYSTEMS if each.decoders)
"""Names of those that can be left out. The others count what the bus carries, whatever it is."""


def kept(names: Collection[str]) -> tuple[Subsystem, ...]:
    """Return the subsystems with these names, and those that are always kept."""
    return tuple(each for each in SUBSYSTEMS if each.name in names or each.name not in OPTIONAL)


def metrics_of(subsystems: Iterable[Subsystem]) -> tuple[MetricSpec, ...]:
    """Return all metrics that the states of these subsystems may emit."""
    return (*(spec for each in subsystems for spec in each.metrics), *knowledge.METRICS)


METRICS = metrics_of(SUBSYSTEMS)
"""All metrics that states may emit."""
