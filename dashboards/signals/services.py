"""Queries about the services of each server."""

from __future__ import annotations

from dashboards.promql import Signal, increase, once, over_range, total
from dataflows.subsystems import services

_SERVICE = "{{service_name}} {{origin_uuid}}"

KNOWN = Signal(f"count({once(services.UP)})")
DOWN = Signal(total(f"1 - {once(services.UP)}"))
UP = Signal(once(services.UP), legend=_SERVICE)
INFO = Signal(once(services.INFO))

REGISTRATIONS = Signal(increase(services.REGISTRATIONS), legend=_SERVICE)
DEREGISTRATIONS = Signal(increase(services.DEREGISTRATIONS), legend=_SERVICE)
UNCLEAN_RESTARTS = Signal(increase(services.UNCLEAN_RESTARTS), legend=_SERVICE)
ALL_DEREGISTRATIONS = Signal(total(increase(services.DEREGISTRATIONS)))
ALL_UNCLEAN_RESTARTS = Signal(total(increase(services.UNCLEAN_RESTARTS)))

REGISTERED_AT = Signal(f"1000 * {once(services.REGISTERED_AT)}", "dateTimeFromNow")
DEREGISTERED_AT = Signal(
    f"1000 * {once(services.DEREGISTERED_AT)}", "dateTimeFromNow", legend=_SERVICE
)

WINDOW_STATE = Signal(
    f"{once(services.UP_LEVELS.low)} + {once(services.UP_LEVELS.high)}", legend=_SERVICE
)
"""0: down during the whole window. 1: down for a part of it. 2: up during all of it."""

AVAILABILITY = Signal(
    over_range("avg_over_time", services.UP_LEVELS.mean), "percentunit", legend=_SERVICE
)
WORST_AVAILABILITY = Signal(f"min({AVAILABILITY.expr})", "percentunit")
