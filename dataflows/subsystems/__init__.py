"""All subsystems. A new one needs a module in this package and an entry in `SUBSYSTEMS`."""

from __future__ import annotations

from dataflows import knowledge
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

METRICS = (*(spec for subsystem in SUBSYSTEMS for spec in subsystem.metrics), *knowledge.METRICS)
"""All metrics that states may emit."""
