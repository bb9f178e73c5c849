"""Count users by presence, do-not-disturb, connection and state of their lines.

XiVO tells only the presence. wazo-chatd tells all four, which do not depend on each other: a user
in do-not-disturb can be away, and a user who is shown as unavailable can be connected and talk.
Each gauge begins with the first user of whom its fact is told.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from dataflows.events.users import LineState, Presence, UserStatus
from dataflows.metric import Kind, LabelValues, MetricSpec, Samples
from dataflows.quota import Allocation
from dataflows.state_counts import EntityStates

USERS = MetricSpec(
    "xivo_users",
    Kind.GAUGE,
    "Users in each presence: what XiVO publishes as the user's status, and Wazo as the user's "
    "state. A user counts from its first event until it is deleted.",
    ("origin_uuid", "presence"),
    {"presence": tuple(Presence)},
    cardinality="10 per origin",
)
DO_NOT_DISTURB = MetricSpec(
    "xivo_users_do_not_disturb",
    Kind.GAUGE,
    "Users in do-not-disturb, whatever their presence. Absent on XiVO and before Wazo 20.11.",
    ("origin_uuid",),
)
CONNECTED = MetricSpec(
    "xivo_users_connected",
    Kind.GAUGE,
    "Users with an open session of an application, whatever their presence. Absent on XiVO and "
    "before Wazo 21.02.",
    ("origin_uuid",),
)
LINE_STATE = MetricSpec(
    "xivo_users_line_state",
    Kind.GAUGE,
    "Users by the state of their lines. A user with several lines counts once, a user without "
    "lines as `unavailable`. A state that is not in this list counts nowhere. Absent on XiVO.",
    ("origin_uuid", "line_state"),
    {"line_state": tuple(LineState)},
    cardinality="6 per origin",
)


class UserCounts(EntityStates[UserStatus]):
    """The status of each user of one origin, and the gauges that count users.

    Args:
        samples: Of the state that has the users.
        origin: Values of the label `origin_uuid`.
        allocation: Each user takes a place of it.

    Attributes:
        available: How many users are available and not in do-not-disturb.
    """

    __slots__ = ("_origin", "_samples", "_started", "available")

    def __init__(self, samples: Samples, origin: LabelValues, allocation: Allocation) -> None:
        super().__init__(allocation)
        self._samples = samples
        self._origin = origin
        self._started: set[str] = set()
        self.available = 0
        self._start(USERS)

    def __getstate__(self) -> tuple[Any, ...]:
        mine = self._samples, self._origin, self._started, self.available
        return *mine, super().__getstate__()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._samples, self._origin, self._started, self.available, states = state
        super().__setstate__(states)

    def _move(self, before: UserStatus | None, after: UserStatus | None) -> None:
        if after is not None and len(self._started) < len(_GAUGES):
            for spec in _told(after):
                if spec.name not in self._started:
                    self._start(spec)
        samples, origin = self._samples, self._origin
        steps, available = _difference(before, after)
        for spec, labels, step in steps:
            samples.add(spec, origin + labels, step)
        self.available += available

    def _start(self, spec: MetricSpec) -> None:
        self._samples.start(spec, self._origin)
        self._started.add(spec.name)


_GAUGES = (USERS, DO_NOT_DISTURB, CONNECTED, LINE_STATE)

_Steps = tuple[tuple[MetricSpec, LabelValues, int], ...]
"""Gauges with their labels after the origin, and what is added to each."""


# There are some hundred records, but users move between few of them.
@lru_cache(maxsize=4096)
def _difference(before: UserStatus | None, after: UserStatus | None) -> tuple[_Steps, int]:
    """Return what changes in the gauges and in the number of available users."""
    old, new = _series(before), _series(after)
    steps = (
        *((*each, -1) for each in old if each not in new),
        *((*each, 1) for each in new if each not in old),
    )
    return steps, _is_available(after) - _is_available(before)


def _series(status: UserStatus | None) -> list[tuple[MetricSpec, LabelValues]]:
    """Return the gauges in which a user counts, with their labels after the origin."""
    if status is None:
        return []
    found: list[tuple[MetricSpec, LabelValues]] = [(USERS, (status.presence,))]
    if status.do_not_disturb:
        found.append((DO_NOT_DISTURB, ()))
    if status.connected:
        found.append((CONNECTED, ()))
    if status.line_state is not None:
        found.append((LINE_STATE, (status.line_state,)))
    return found


def _is_available(status: UserStatus | None) -> bool:
    return status is not None and status.is_available


def _told(status: UserStatus) -> list[MetricSpec]:
    """Return the gauges that count users by a fact that is told."""
    facts = (status.presence, status.do_not_disturb, status.connected, status.line_state)
    return [spec for spec, fact in zip(_GAUGES, facts, strict=True) if fact is not None]
