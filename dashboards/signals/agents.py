"""Queries about agents: logins, sessions, activities and pauses."""

from __future__ import annotations

from collections.abc import Callable
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
NOW = tuple(
    _signal(total(once(agents.BY_ACTIVITY, activity=activity)), legend=words)
    for activity, words in (
        ("available", "available"),
        ("on_call", "on a call"),
        ("ringing", "ringing"),
        ("wrap_up", "in wrap-up"),
        ("paused", "paused"),
        ("unavailable", "unavailable"),
    )
)
"""What agents do now, a query for each activity."""

PAUSED = _signal(total(once(agents.PAUSED), "reason"), legend="{{reason}}")


def _occupancy(of: Callable[..., str], *by: str) -> str:
    busy, idle = (
        " + ".join(total(of(agents.SECONDS, activity=each), *by) for each in activities)
        for activities in (("on_call", "wrap_up"), ("ringing", "available"))
    )
    return f"({busy}) / ({busy} + {idle} > 0)"


# Without an agent who works or waits there is no occupancy, so there is no value.
OCCUPANCY = Signal(_occupancy(increase), "percentunit", about="activities")
OCCUPANCY_RATE = Signal(
    _occupancy(rate, "origin_uuid"), "percentunit", "{{server}}", about="activities"
)


def _median_pause(*by: str) -> str:
    return f"histogram_quantile(0.5, {total(bucket_increase(agents.PAUSES), *by, 'le')})"


MEDIAN_PAUSE = Signal(_median_pause(), "s")
MEDIAN_PAUSES = Signal(f"{_median_pause('reason')} >= 0", "s", "{{reason}}")
