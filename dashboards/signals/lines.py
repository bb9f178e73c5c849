"""Queries about the lines of Wazo: whether their phones are registered, and their calls."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, extremes, once, total
from dataflows.subsystems import lines

_ABOUT = "lines"
_signal = partial(Signal, about=_ABOUT)

KNOWN = _signal(total(once(lines.LINES)))
NOT_REGISTERED = _signal(total(once(lines.LINES, registered="no")))
NOT_REGISTERED_SHARE = _signal(f"{NOT_REGISTERED.expr} / {KNOWN.expr}", "percentunit")
BY_REGISTERED = _signal(total(once(lines.LINES), "registered"), legend="registered: {{registered}}")
UNREGISTERED = _signal(f"{once(lines.REGISTERED)} == 0", legend="{{line}} {{server}}")
"""Single lines, only with `--details lines`."""

IN_CALL = _signal(total(once(lines.IN_CALL)))
IN_CALL_EXTREMES = extremes(lines.IN_CALL_LEVELS, _ABOUT)
