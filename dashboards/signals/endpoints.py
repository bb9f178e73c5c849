"""Queries about phones and their states."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, extremes, once, rate, total
from dataflows.subsystems import endpoints

_ABOUT = "phones"
_signal = partial(Signal, about=_ABOUT)

_ALL = total(once(endpoints.ENDPOINTS))
_UNAVAILABLE = total(once(endpoints.ENDPOINTS, state="unavailable"))

KNOWN = _signal(_ALL)
UNAVAILABLE = _signal(_UNAVAILABLE)
UNAVAILABLE_SHARE = _signal(f"{_UNAVAILABLE} / {_ALL}", "percentunit")
BY_STATE = _signal(total(once(endpoints.ENDPOINTS), "state"), legend="{{state}}")
TRANSITIONS = _signal(f"60 * {total(rate(endpoints.TRANSITIONS), 'state')}", "short", "{{state}}")
FLAPPING = _signal(total(once(endpoints.FLAPPING)))
IN_USE_EXTREMES = extremes(endpoints.IN_USE, _ABOUT)
UNAVAILABLE_EXTREMES = extremes(endpoints.UNAVAILABLE, _ABOUT)
