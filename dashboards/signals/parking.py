"""Queries about parked calls."""

from __future__ import annotations

from dashboards.promql import Signal, once, total
from dataflows.subsystems import parking

PARKED = Signal(total(once(parking.PARKED)), legend="parked calls", about="parked calls")
