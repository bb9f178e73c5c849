"""Queries about agents: logins, sessions, activities and pauses."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, bucket_increase, extremes, increase, once, rate, total
from dataflows import agent_metrics as agents

_ABOUT = "agents"
_signal = partial(Signal, about=_ABOUT)

LOGGED_IN = _signal(total(once(agents.AGENTS, status="logged_in")))
LOGGED_OUT = _signal(total(once(agents.AGENTS, status="logged_out")))
BY_STATUS = _signal(total(once(agents.AGENTS), "status"), legend="{{status}}")
LOGINS = _signal(total(increase(agents.LOGINS)))
LOGOUTS = _signal(total(increase(agents.LOGOUTS)))
LOGIN_RATE = _signal(f"60 * {total(rate(agents.LOGINS))}", "short", "logins")
LOGOUT_RATE = _signal(f"60 * {total(rate(agents.LOGOUTS))}", "short", "logouts")
LOGGED_IN_EXTREMES = extremes(agents.LEVELS, _ABOUT)

_SESSIONS = total(bucket_increase(agents.SESSIONS), "le")
MEDIAN_SESSION = Signal(f"histogram_quantile(0.5, {_SESSIONS})", "s")
LONG_SESSION = Signal(f"histogram_quantile(0.9, {_SESSIONS})", "s")

BY_ACTIVITY = _signal(total(once(agents.BY_ACTIVITY), "activity"), legend="{{activity}}")
PAUSED = _signal(total(once(agents.PAUSED), "reason"), legend="{{reason}}")


def _spent(*activities: str) -> str:
    return " + ".join(total(increase(agents.SECONDS, activity=each)) for each in activities)


OCCUPANCY = _signal(
    f"({_spent('on_call', 'wrap_up')}) / ({_spent('on_call', 'wrap_up', 'ringing', 'available')})",
    "percentunit",
)

_PAUSES = total(bucket_increase(agents.PAUSES), "le")
MEDIAN_PAUSE = Signal(f"histogram_quantile(0.5, {_PAUSES})", "s")
