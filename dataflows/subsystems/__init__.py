"""The subsystems. A new one is a module beside these and a line here."""

from __future__ import annotations

from dataflows.subsystem import Subsystem
from dataflows.subsystems import (
    agents,
    bus,
    call_forms,
    chat,
    deliveries,
    endpoints,
    queues,
    services,
    users,
)

SUBSYSTEMS: tuple[Subsystem, ...] = (
    agents.SUBSYSTEM,
    endpoints.SUBSYSTEM,
    queues.SUBSYSTEM,
    users.SUBSYSTEM,
    services.SUBSYSTEM,
    chat.SUBSYSTEM,
    call_forms.SUBSYSTEM,
    bus.SUBSYSTEM,
    deliveries.SUBSYSTEM,
)

METRICS = tuple(spec for subsystem in SUBSYSTEMS for spec in subsystem.metrics)
"""All that states may emit."""
