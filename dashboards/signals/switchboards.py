"""Queries about switchboards."""

from __future__ import annotations

from functools import partial

from dashboards.promql import Signal, once, total
from dataflows.events.switchboards import CallState
from dataflows.subsystems import switchboards

_signal = partial(Signal, about="switchboards")


def _of(state: CallState) -> str:
    return total(once(switchboards.CALLS, state=state), "origin_uuid", "switchboard")


WAITING = _signal(total(once(switchboards.CALLS), "state"), legend="{{state}}")
ALL_QUEUED = _signal(total(once(switchboards.CALLS, state=CallState.QUEUED)))
ALL_HELD = _signal(total(once(switchboards.CALLS, state=CallState.HELD)))
QUEUED = _signal(_of(CallState.QUEUED))
HELD = _signal(_of(CallState.HELD))
NAMES = _signal(
    f"{once(switchboards.INFO)} and on (origin_uuid, switchboard) {_of(CallState.QUEUED)}"
)
"""Names for people and tenants, only with an API."""
