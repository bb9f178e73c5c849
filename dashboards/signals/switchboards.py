"""Queries about switchboards."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, once, total
from dataflows.subsystems import switchboards

_signal = partial(Signal, about="switchboards")

_CALLS = once(switchboards.CALLS)
_NAMES = f"max by (origin_uuid, switchboard, display_name) ({once(switchboards.INFO)})"

WAITING = _signal(total(_CALLS, "state"), legend="{{state}}")
BY_NAME = _signal(
    total(
        f"{_CALLS} * on (origin_uuid, switchboard) group_left (display_name) {_NAMES}",
        "state",
        "display_name",
    ),
    legend="{{state}} {{display_name}}",
)
"""Only with an API, which tells the names."""
