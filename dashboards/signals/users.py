"""Queries about users and their presence."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, extremes, once, rate, total
from dataflows.subsystems import users

_ABOUT = "users"
_signal = partial(Signal, about=_ABOUT)

KNOWN = _signal(total(once(users.USERS)))
AVAILABLE = _signal(total(once(users.USERS, presence="available")))
BY_PRESENCE = _signal(total(once(users.USERS), "presence"), legend="{{presence}}")
CHANGES = _signal(f"60 * {total(rate(users.CHANGES), 'presence')}", "short", "{{presence}}")
AVAILABLE_EXTREMES = extremes(users.AVAILABLE, _ABOUT)
