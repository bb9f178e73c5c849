"""Queries about phones and their states."""

from __future__ import annotations

from dashboards.promql import Signal, extremes, once, rate, total
from dataflows.subsystems import endpoints

_ALL = total(once(endpoints.ENDPOINTS))
_UNAVAILABLE = total(once(endpoints.ENDPOINTS, state="unavailable"))

KNOWN = Signal(_ALL)
UNAVAILABLE = Signal(_UNAVAILABLE)
UNAVAILABLE_SHARE = Signal(f"{_UNAVAILABLE} / {_ALL}", "percentunit")
BY_STATE = Signal(total(once(endpoints.ENDPOINTS), "state"), legend="{{state}}")
TRANSITIONS = Signal(f"60 * {total(rate(endpoints.TRANSITIONS), 'state')}", "short", "{{state}}")
FLAPPING = Signal(total(once(endpoints.FLAPPING)))
IN_USE_EXTREMES = extremes(endpoints.IN_USE)
UNAVAILABLE_EXTREMES = extremes(endpoints.UNAVAILABLE)
