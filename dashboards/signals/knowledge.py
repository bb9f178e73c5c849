"""Queries about what the exporter knows of each server, by subsystem."""

from __future__ import annotations

from dashboards.promql import Signal, age, increase, once, over_range, rate, total
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

STATE = Signal(once(knowledge.KNOWN))
"""0: partial, 1: complete."""

COMPLETE_SINCE = Signal(f"1000 * {once(knowledge.KNOWN_SINCE)} > 0", "dateTimeFromNow")
LAST_EVENT = Signal(age(once(knowledge.LAST_EVENT_AT)), "s")
DRIFT = Signal(total(increase(knowledge.DRIFT), "origin_uuid", "subsystem"))
BY_DRIFT = {
    kind: Signal(total(increase(knowledge.DRIFT, kind=kind), "subsystem"))
    for kind in knowledge.Drift
}
LOST = Signal(
    f"group by (origin_uuid, subsystem) ({once(knowledge.KNOWN)} == 0"
    f" and {over_range('max_over_time', knowledge.KNOWN, over='1d')} == 1)"
)
"""What is not complete now, but was in the day before. Without an API, nothing ever is."""

CORRECTED = Signal(f"group by (origin_uuid) ({rate(knowledge.DRIFT)} > 0)")


def _since(series: str, word: str) -> Signal:
    # The numbers of several servers are complete if those of each server are.
    return Signal(f"1000 * max({series}) * (min({series}) > bool 0)", "dateTimeFromNow", word)


def _all_complete(subsystem: str, word: str) -> Signal:
    return _since(once(knowledge.KNOWN_SINCE, subsystem=subsystem), word)


AGENTS = _all_complete(agents.NAME, "agents")
CALLS = _all_complete(queue_calls.NAME, "calls")
CONVERSATIONS = _all_complete(calls.NAME, "calls under way")
LINES = _all_complete(lines.NAME, "lines")
PARKING = _all_complete(parking.NAME, "parked calls")
PHONES = _all_complete(endpoints.NAME, "phones")
QUEUES = _all_complete(queues.NAME, "queues")
# A Wazo of today registers no service, so that this is never complete and does not matter.
SERVICES = _since(
    f"{once(knowledge.KNOWN_SINCE, subsystem=services.NAME)}"
    f" unless on (origin_uuid) {once(service_metrics.COMPONENT_UP)}",
    "services",
)
SWITCHBOARDS = _all_complete(switchboards.NAME, "switchboards")
TRUNKS = _all_complete(trunks.NAME, "trunks")
_OF_WAZO = (each.NAME for each in (lines, trunks, calls))
OF_WAZO = _since(
    " or ".join(once(knowledge.KNOWN_SINCE, subsystem=name) for name in _OF_WAZO),
    "lines, trunks and calls",
)
USERS = _all_complete(users.NAME, "users")
