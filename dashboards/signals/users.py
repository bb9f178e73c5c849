"""Queries about users and their presence."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, extremes, once, rate, total
from dataflows import user_counts
from dataflows.subsystems import users

_ABOUT = "users"
_signal = partial(Signal, about=_ABOUT)

KNOWN = _signal(total(once(user_counts.USERS)))
AVAILABLE = _signal(total(once(user_counts.USERS, presence="available")))
BY_PRESENCE = _signal(total(once(user_counts.USERS), "presence"), legend="{{presence}}")
CONNECTED = Signal(total(once(user_counts.CONNECTED)), legend="connected", about="connected users")
DO_NOT_DISTURB = Signal(
    total(once(user_counts.DO_NOT_DISTURB)), legend="do-not-disturb", about="do-not-disturb"
)
BY_LINE_STATE = Signal(
    total(once(user_counts.LINE_STATE), "line_state"), legend="{{line_state}}", about="line states"
)
CHANGES = _signal(f"60 * {total(rate(users.CHANGES), 'presence')}", "short", "{{presence}}")
AVAILABLE_EXTREMES = extremes(users.AVAILABLE, _ABOUT)
