"""Queries about queues and their members."""

from __future__ import annotations

from dashboards.promql import Signal, once, rate, total
from dataflows import queue_metrics as queues

_QUEUE = "{{queue}} {{origin_uuid}}"
_BY_QUEUE = ("origin_uuid", "queue")

UNSTAFFED = Signal(total(f"{once(queues.AVAILABLE)} == bool 0"))
AVAILABLE = Signal(once(queues.AVAILABLE), legend=_QUEUE)
ALL_AVAILABLE = Signal(total(once(queues.AVAILABLE)), legend="available")
PAUSED = Signal(once(queues.PAUSED), legend=_QUEUE)
ALL_PAUSED = Signal(total(once(queues.PAUSED)), legend="paused")
MEMBERS = Signal(total(once(queues.MEMBERS), *_BY_QUEUE), legend=_QUEUE)
ALL_MEMBERS = Signal(total(once(queues.MEMBERS)), legend="members")
BY_MEMBERSHIP = Signal(total(once(queues.MEMBERS), "membership"), legend="{{membership}}")
BY_STATUS = Signal(total(once(queues.STATES), "status"), legend="{{status}}")
CHANGES = Signal(f"60 * {total(rate(queues.CHANGES), 'change')}", "short", "{{change}}")

LEAST_AVAILABLE = Signal(once(queues.AVAILABLE_LEVELS.low), legend=_QUEUE)
MEAN_AVAILABLE = Signal(once(queues.AVAILABLE_LEVELS.mean), legend=_QUEUE)
MOST_AVAILABLE = Signal(once(queues.AVAILABLE_LEVELS.high), legend=_QUEUE)
