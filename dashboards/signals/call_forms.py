"""Queries about call forms."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, once, rate, today, total
from dataflows.subsystems import call_forms

_signal = partial(Signal, about="call forms")

FORMS = _signal(f"60 * {total(rate(call_forms.CALL_FORMS))}", "short", "forms per minute")
SUBMITTERS = _signal(total(once(call_forms.SUBMITTERS)), legend="users")
SUBMITTERS_TODAY = _signal(total(today(call_forms.SUBMITTERS)), legend="today")
