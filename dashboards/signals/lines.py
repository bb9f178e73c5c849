"""Queries about the lines of Wazo: whether their phones are registered, and their calls."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, extremes, once, total
from dataflows.subsystems import lines

MANY = 50
"""Lines in a table."""

_ABOUT = "lines"
_signal = partial(Signal, about=_ABOUT)

KNOWN = _signal(total(once(lines.LINES)))
NOT_REGISTERED = _signal(total(once(lines.LINES, registered="no")))
NOT_REGISTERED_SHARE = _signal(f"{NOT_REGISTERED.expr} / {KNOWN.expr}", "percentunit")
BY_REGISTERED = _signal(total(once(lines.LINES), "registered"), legend="{{registered}}")
_FIRST = f"bottomk({MANY}, {once(lines.REGISTERED)})"
REGISTERED = _signal(f"sort({_FIRST})", legend="{{line}} {{server}}")
"""Single lines, first those that are not registered; only with `--details lines`."""

CALLS = _signal(f"{once(lines.CALLS)} and on (origin_uuid, line) {_FIRST}")
"""Of the same lines."""

IN_CALL = _signal(total(once(lines.IN_CALL)))
IN_CALL_EXTREMES = extremes(lines.IN_CALL_LEVELS, _ABOUT)
