"""Queries about faxes."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, increase, rate, total
from dataflows.subsystems import faxes

_signal = partial(Signal, about="faxes")

FAXES = _signal(f"3600 * {total(rate(faxes.FAXES), 'outcome')}", "short", "{{outcome}}")
FAILED = _signal(total(increase(faxes.FAXES, outcome="failed")))
