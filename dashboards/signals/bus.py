"""Queries about the events that each server publishes."""

from __future__ import annotations

from dashboards.promql import Signal, age, once, rate, today, total
from dataflows.subsystems import bus

MANY = 15

SILENCE = Signal(age(once(bus.LAST_EVENT_AT)), "s", "{{server}}")
LONGEST_SILENCE = Signal(f"max({SILENCE.expr})", "s")
EVENTS = Signal(f"sort_desc(topk({MANY}, {total(rate(bus.EVENTS), 'event')}))", legend="{{event}}")
ORIGINS = Signal(once(bus.ORIGIN_INFO))
COUNTED = Signal(age(today(bus.WINDOW_START)), "s", "{{server}}")
"""How long the window `today` has counted."""

READERS = Signal(
    f'count by (origin_uuid) ({bus.LAST_EVENT_AT.name}{{origin_uuid=~"$origin_uuid"}})'
)
"""Number of exporters that show the origin: one in a cluster, all of several replicas."""

DISAGREEMENT = Signal(
    f'max by (origin_uuid) ({bus.LAST_EVENT_AT.name}{{origin_uuid=~"$origin_uuid"}})'
    f' - min by (origin_uuid) ({bus.LAST_EVENT_AT.name}{{origin_uuid=~"$origin_uuid"}})',
    "s",
)
"""Difference between the newest and the oldest last event that replicas show."""
