"""Queries about the trunks of Wazo: whether they are registered, and their calls."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, increase, once, over_range, total
from dataflows import trunk_metrics as trunks

_signal = partial(Signal, about="trunks")

_TRUNK = "{{trunk}} {{server}}"

LOST = _signal(total(f"1 - {once(trunks.REGISTERED)}"))
REGISTERED = _signal(once(trunks.REGISTERED), legend=_TRUNK)
CALLS = _signal(once(trunks.CALLS), legend=_TRUNK)
ALL_CALLS = _signal(total(once(trunks.CALLS)))
MOST_CALLS = _signal(over_range("max_over_time", trunks.CALLS), legend=_TRUNK)
LOSSES = _signal(increase(trunks.LOSSES), legend=_TRUNK)
ALL_LOSSES = _signal(total(increase(trunks.LOSSES)))
INFO = _signal(once(trunks.INFO))
"""Technology and tenant, only with an API."""
