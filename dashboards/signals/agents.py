"""Queries about agents: logins, logouts and sessions."""

from __future__ import annotations

from dashboards.promql import Signal, bucket_increase, extremes, increase, once, rate, total
from dataflows.subsystems import agents

LOGGED_IN = Signal(total(once(agents.AGENTS, status="logged_in")))
LOGGED_OUT = Signal(total(once(agents.AGENTS, status="logged_out")))
BY_STATUS = Signal(total(once(agents.AGENTS), "status"), legend="{{status}}")
LOGINS = Signal(total(increase(agents.LOGINS)))
LOGOUTS = Signal(total(increase(agents.LOGOUTS)))
LOGIN_RATE = Signal(f"60 * {total(rate(agents.LOGINS))}", "short", "logins")
LOGOUT_RATE = Signal(f"60 * {total(rate(agents.LOGOUTS))}", "short", "logouts")
LOGGED_IN_EXTREMES = extremes(agents.LEVELS)

_SESSIONS = total(bucket_increase(agents.SESSIONS), "le")
MEDIAN_SESSION = Signal(f"histogram_quantile(0.5, {_SESSIONS})", "s")
LONG_SESSION = Signal(f"histogram_quantile(0.9, {_SESSIONS})", "s")
