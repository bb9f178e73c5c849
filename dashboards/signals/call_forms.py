"""Queries about call forms."""

from __future__ import annotations

from dashboards.promql import Signal, once, rate, total
from dataflows.subsystems import call_forms

FORMS = Signal(f"60 * {total(rate(call_forms.CALL_FORMS))}", "short", "forms per minute")
SUBMITTERS = Signal(total(once(call_forms.SUBMITTERS)), legend="users")
