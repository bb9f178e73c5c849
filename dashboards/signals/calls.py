"""Queries about calls of Wazo: those under way, how legs and conversations end, missed calls."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, bucket_increase, extremes, increase, once, rate, total
from dataflows import call_metrics as calls

_ABOUT = "calls"
_signal = partial(Signal, about=_ABOUT)

UNDER_WAY = _signal(total(once(calls.CALLS)))
HELD = _signal(total(once(calls.CALLS, state=calls.CallState.HELD)))
BY_DIRECTION = _signal(total(once(calls.CALLS), "direction"), legend="{{direction}}")
BY_STATE = _signal(total(once(calls.CALLS), "state"), legend="{{state}}")
EXTREMES = extremes(calls.LEVELS, _ABOUT)

CAUSES = _signal(f"60 * {total(rate(calls.LEGS_ENDED), 'cause')}", "short", "{{cause}}")
CONVERSATIONS = _signal(f"60 * {total(rate(calls.CONVERSATIONS), 'status')}", "short", "{{status}}")
DESTINATIONS = _signal(
    total(increase(calls.CONVERSATIONS), "destination_type"), legend="{{destination_type}}"
)
MISSED = _signal(total(increase(calls.MISSED), "reason"), legend="{{reason}}")
ALL_FAILED = _signal(
    " + ".join(
        total(increase(calls.LEGS_ENDED, cause=each))
        for each in (calls.Cause.CONGESTION, calls.Cause.FAILURE)
    )
)
ALL_MISSED = _signal(total(increase(calls.MISSED)))

_DURATIONS = total(bucket_increase(calls.DURATION), "le")
MEDIAN_DURATION = _signal(f"histogram_quantile(0.5, {_DURATIONS}) >= 0", "s", "median")
LONG_DURATION = _signal(f"histogram_quantile(0.9, {_DURATIONS}) >= 0", "s", "nine of ten")
