"""Queries about calls through queues: who waits, how visits ended, and talks."""

from __future__ import annotations

from functools import partial

from dashboards.promql import (
    Signal,
    bucket_increase,
    bucket_rate,
    by_hour,
    increase,
    once,
    rate,
    today,
    total,
)
from dataflows import queue_call_metrics as calls
from dataflows.lengths import TODAY
from dataflows.metric import MetricSpec
from dataflows.queue_call_metrics import Outcome, ServiceResult, Wait

_signal = partial(Signal, about="calls")

_QUEUE = "{{display_name}} {{server}}"
_BY_QUEUE = ("origin_uuid", "queue")

WAITING = _signal(once(calls.WAITING), legend=_QUEUE)
ALL_WAITING = _signal(total(once(calls.WAITING)), legend="waiting")
IN_CALL = _signal(once(calls.IN_CALL), legend=_QUEUE)
ALL_IN_CALL = _signal(total(once(calls.IN_CALL)), legend="talking")

_OLDEST = once(calls.OLDEST_WAIT)
# 0 while nobody waits, and at least a second while somebody does: clocks differ a little.
LONGEST_WAIT = _signal(f"clamp_min(time() - {_OLDEST}, 1) * ({_OLDEST} > bool 0)", "clocks", _QUEUE)
ALL_LONGEST_WAIT = _signal(f"max({LONGEST_WAIT.expr})", "clocks")

LEAST_WAITING = _signal(once(calls.WAITING_LEVELS.low), legend=_QUEUE)
MEAN_WAITING = _signal(once(calls.WAITING_LEVELS.mean), legend=_QUEUE)
MOST_WAITING = _signal(once(calls.WAITING_LEVELS.high), legend=_QUEUE)
LONGEST_ENDED_WAIT = _signal(once(calls.WAIT_MAX), "s", _QUEUE)
LONGEST_TODAY = _signal(today(calls.WAIT_MAX), "s", _QUEUE)

OUTCOMES = _signal(f"60 * {total(rate(calls.CALLS), 'outcome')}", "short", "{{outcome}}")
OUTCOMES_TODAY = _signal(total(today(calls.WINDOW_CALLS), "outcome"), legend="{{outcome}}")
BY_HOUR = _signal(total(by_hour(calls.CALLS), "outcome"), legend="{{outcome}}")


def _ended_today(outcome: Outcome, *by: str) -> str:
    return total(once(calls.WINDOW_CALLS, outcome=outcome, window=TODAY.name), *by)


ANSWERED_TODAY = _signal(_ended_today(Outcome.ANSWERED, *_BY_QUEUE), legend=_QUEUE)
ABANDONED_TODAY = _signal(_ended_today(Outcome.ABANDONED, *_BY_QUEUE), legend=_QUEUE)
ALL_ANSWERED_TODAY = _signal(_ended_today(Outcome.ANSWERED))
ALL_ABANDONED_TODAY = _signal(_ended_today(Outcome.ABANDONED))

JOINED = _signal(f"60 * {total(rate(calls.JOINED))}", "short", "joined")
REFUSED = _signal(f"60 * {total(rate(calls.REFUSED))}", "short", "refused")
NO_ANSWER = _signal(f"60 * {total(rate(calls.RING_NO_ANSWER))}", "short", "rings without answer")
UNANSWERED_RINGS = _signal(total(increase(calls.RING_NO_ANSWER), *_BY_QUEUE), legend=_QUEUE)
COMPLETED = _signal(f"60 * {total(rate(calls.COMPLETED), 'by')}", "short", "{{by}}")
REFUSED_CALLS = _signal(total(increase(calls.REFUSED), *_BY_QUEUE), legend=_QUEUE)


def _results(result: ServiceResult, *by: str) -> str:
    return total(increase(calls.SERVICE, result=result), *by)


def _service_level(*by: str) -> str:
    in_time, missed = (
        _results(each, *by) for each in (ServiceResult.IN_TIME, ServiceResult.MISSED)
    )
    # Without calls there is no service level, so there is no value.
    return f"{in_time} / ({in_time} + {missed} > 0)"


THRESHOLD = _signal(once(calls.THRESHOLD), "s", _QUEUE)
IN_TIME = _signal(_results(ServiceResult.IN_TIME, *_BY_QUEUE), legend=_QUEUE)
MISSED = _signal(_results(ServiceResult.MISSED, *_BY_QUEUE), legend=_QUEUE)
ABANDONED_EARLY = _signal(_results(ServiceResult.ABANDONED_EARLY, *_BY_QUEUE), legend=_QUEUE)
SERVICE_LEVEL = _signal(_service_level(*_BY_QUEUE), "percentunit", _QUEUE)
WINDOW_SERVICE_LEVEL = _signal(once(calls.SERVICE_RATIO), "percentunit", _QUEUE)
SERVICE_LEVEL_TODAY = _signal(today(calls.SERVICE_RATIO), "percentunit", _QUEUE)
ALL_SERVICE_LEVEL = _signal(_service_level(), "percentunit")


def _judged_today(result: ServiceResult) -> str:
    return total(once(calls.WINDOW_SERVICE, result=result, window=TODAY.name))


_IN_TIME_TODAY, _MISSED_TODAY = map(_judged_today, (ServiceResult.IN_TIME, ServiceResult.MISSED))
_LEAST, _MOST = (f"{function}({once(calls.THRESHOLD)})" for function in ("min", "max"))
# The threshold as a label: one number, or from the lowest to the highest.
_WITHIN = (
    f'count_values("within", {_LEAST} == {_MOST}) or on () label_join('
    f'count_values("least", {_LEAST}) * on () group_left (most) count_values("most", {_MOST})'
    ', "within", "-", "least", "most")'
)
ALL_SERVICE_LEVEL_TODAY = _signal(
    f"{_IN_TIME_TODAY} / ({_IN_TIME_TODAY} + {_MISSED_TODAY} > 0)"
    f" * on () group_left (within) ({_WITHIN})",
    "percentunit",
    "answered within {{within}} s",
)


def _distribution(spec: MetricSpec, **where: str) -> Signal:
    return _signal(f"60 * {total(bucket_rate(spec, **where), 'le')}", "short", "{{le}}")


WAITS = _distribution(calls.WAIT, outcome=Wait.ANSWERED)
UNANSWERED_WAITS = _distribution(calls.WAIT, outcome=Wait.UNANSWERED)
TALKS = _distribution(calls.TALK)


def _quantile(share: float, spec: MetricSpec, **where: str) -> Signal:
    # The comparison leaves out NaN, the quantile of nothing.
    buckets = total(bucket_increase(spec, **where), "le")
    return _signal(f"histogram_quantile({share}, {buckets}) >= 0", "s")


MEDIAN_WAIT = _quantile(0.5, calls.WAIT, outcome=Wait.ANSWERED)
LONG_WAIT = _quantile(0.9, calls.WAIT, outcome=Wait.ANSWERED)
MEDIAN_UNANSWERED_WAIT = _quantile(0.5, calls.WAIT, outcome=Wait.UNANSWERED)
MEDIAN_RING = _quantile(0.5, calls.RING)
MEDIAN_TALK = _quantile(0.5, calls.TALK)
LONG_TALK = _quantile(0.9, calls.TALK)
