"""Queries about conferences."""

from __future__ import annotations

from dashboards.promql import Signal, once, total
from dataflows.subsystems import conferences

PARTICIPANTS = Signal(
    total(once(conferences.PARTICIPANTS)), legend="participants", about="conferences"
)
