"""Queries about what the exporter knows of each server, by subsystem."""

from __future__ import annotations

from dashboards.promql import Signal, age, increase, once, total
from dataflows import knowledge, service_metrics
from dataflows.subsystems import (
    agents,
    calls,
    endpoints,
    lines,
    parking,
    queue_calls,
    queues,
    services,
    switchboards,
    trunks,
    users,
)

MANY = 12

STATE = Signal(once(knowledge.KNOWN))
"""0: partial, 1: complete."""

COMPLETE_SINCE = Signal(f"1000 * {once(knowledge.KNOWN_SINCE)} > 0", "dateTimeFromNow")
LAST_EVENT = Signal(age(once(knowledge.LAST_EVENT_AT)), "s")
DRIFT = Signal(total(increase(knowledge.DRIFT), "origin_uuid", "subsystem"))
BY_DRIFT = Signal(
    f"sort_desc(topk({MANY}, {total(increase(knowledge.DRIFT), 'subsystem', 'kind')}))",
    legend="{{subsystem}} {{kind}}",
)


def _all_complete(subsystem: str, word: str) -> Signal:
    # The numbers of several servers are complete if those of each server are.
    return Signal(f"min({once(knowledge.KNOWN, subsystem=subsystem)})", legend=word)


AGENTS = _all_complete(agents.NAME, "agents")
CALLS = _all_complete(queue_calls.NAME, "calls")
CONVERSATIONS = _all_complete(calls.NAME, "calls under way")
LINES = _all_complete(lines.NAME, "lines")
PARKING = _all_complete(parking.NAME, "parked calls")
PHONES = _all_complete(endpoints.NAME, "phones")
QUEUES = _all_complete(queues.NAME, "queues")
# A Wazo of today registers no service, so that this is never complete and does not matter.
SERVICES = Signal(
    f"min({once(knowledge.KNOWN, subsystem=services.NAME)}"
    f" unless on (origin_uuid) {once(service_metrics.COMPONENT_UP)})",
    legend="services",
)
SWITCHBOARDS = _all_complete(switchboards.NAME, "switchboards")
TRUNKS = _all_complete(trunks.NAME, "trunks")
_OF_WAZO = (each.NAME for each in (lines, trunks, calls))
OF_WAZO = Signal(
    f"min({' or '.join(once(knowledge.KNOWN, subsystem=name) for name in _OF_WAZO)})",
    legend="lines, trunks and calls",
)
USERS = _all_complete(users.NAME, "users")
