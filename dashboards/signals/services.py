"""Queries about the services of each server."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, increase, once, over_range, total
from dataflows import service_metrics as services

_signal = partial(Signal, about="services")

_SERVICE = "{{service_name}} {{server}}"

KNOWN = _signal(f"count({once(services.UP)})")
DOWN = _signal(total(f"1 - {once(services.UP)}"))
UP = _signal(once(services.UP), legend=_SERVICE)
INFO = _signal(once(services.INFO))

_COMPONENT_UP = once(services.COMPONENT_UP)
COMPONENTS_FAILING = Signal(total(f"1 - {_COMPONENT_UP}"), about="components")
COMPONENT_UP = Signal(f"sort({_COMPONENT_UP})", about="components")
"""Those that fail come first."""

DAEMON_WORKS = Signal(
    f"min by (origin_uuid, service_name) ({_COMPONENT_UP})", legend=_SERVICE, about="components"
)
"""Whether all components of a daemon work."""

UP_OR_WORKS = _signal(f"{UP.expr} or {DAEMON_WORKS.expr}", legend=_SERVICE)
"""Services of which registrations tell, and daemons that tell of their components."""

REGISTRATIONS = _signal(increase(services.REGISTRATIONS), legend=_SERVICE)
DEREGISTRATIONS = _signal(increase(services.DEREGISTRATIONS), legend=_SERVICE)
UNCLEAN_RESTARTS = _signal(increase(services.UNCLEAN_RESTARTS), legend=_SERVICE)
ALL_DEREGISTRATIONS = _signal(total(increase(services.DEREGISTRATIONS)))
ALL_UNCLEAN_RESTARTS = _signal(total(increase(services.UNCLEAN_RESTARTS)))

REGISTERED_AT = _signal(f"1000 * {once(services.REGISTERED_AT)}", "dateTimeFromNow")
DEREGISTERED_AT = _signal(
    f"1000 * {once(services.DEREGISTERED_AT)}", "dateTimeFromNow", legend=_SERVICE
)

WINDOW_STATE = _signal(
    f"{once(services.UP_LEVELS.low)} + {once(services.UP_LEVELS.high)}", legend=_SERVICE
)
"""0: down during the whole window. 1: down for a part of it. 2: up during all of it."""

AVAILABILITY = _signal(
    over_range("avg_over_time", services.UP_LEVELS.mean), "percentunit", legend=_SERVICE
)
WORST_AVAILABILITY = _signal(f"min({AVAILABILITY.expr})", "percentunit")
