"""Queries about users and their presence."""

from __future__ import annotations

from dashboards.promql import Signal, extremes, once, rate, total
from dataflows.subsystems import users

KNOWN = Signal(total(once(users.USERS)))
AVAILABLE = Signal(total(once(users.USERS, presence="available")))
BY_PRESENCE = Signal(total(once(users.USERS), "presence"), legend="{{presence}}")
CHANGES = Signal(f"60 * {total(rate(users.CHANGES), 'presence')}", "short", "{{presence}}")
AVAILABLE_EXTREMES = extremes(users.AVAILABLE)
