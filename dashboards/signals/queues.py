"""Queries about queues and their members."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, once, rate, total
from dataflows import queue_call_metrics as queue_calls
from dataflows import queue_metrics as queues

_signal = partial(Signal, about="queues")

_QUEUE = "{{display_name}} {{server}}"
_BY_QUEUE = ("origin_uuid", "queue")

UNSTAFFED = _signal(total(f"{once(queues.AVAILABLE)} == bool 0"))
AVAILABLE = _signal(once(queues.AVAILABLE), legend=_QUEUE)
ALL_AVAILABLE = _signal(total(once(queues.AVAILABLE)), legend="available")
PAUSED = _signal(once(queues.PAUSED), legend=_QUEUE)
WRAP_UP = _signal(once(queues.WRAP_UP), legend=_QUEUE)
ALL_PAUSED = _signal(total(once(queues.PAUSED)), legend="paused")
NAMES = _signal(
    f"max by (origin_uuid, queue, display_name, kind) ({once(queues.INFO)})"
    f" and on (origin_uuid, queue) ({once(queues.AVAILABLE)}"
    f" or on (origin_uuid, queue) {once(queue_calls.WAITING)})"
)
"""Names for people, only with an API."""

MEMBERS = _signal(total(once(queues.MEMBERS), *_BY_QUEUE), legend=_QUEUE)
ALL_MEMBERS = _signal(total(once(queues.MEMBERS)), legend="members")
BY_MEMBERSHIP = _signal(total(once(queues.MEMBERS), "membership"), legend="{{membership}}")
BY_STATUS = _signal(total(once(queues.STATES), "status"), legend="{{status}}")
CHANGES = _signal(f"60 * {total(rate(queues.CHANGES), 'change')}", "short", "{{change}}")

LEAST_AVAILABLE = _signal(once(queues.AVAILABLE_LEVELS.low), legend=_QUEUE)
MEAN_AVAILABLE = _signal(once(queues.AVAILABLE_LEVELS.mean), legend=_QUEUE)
MOST_AVAILABLE = _signal(once(queues.AVAILABLE_LEVELS.high), legend=_QUEUE)
