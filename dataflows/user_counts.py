"""Count users by presence, do-not-disturb, connection and state of their lines.

XiVO tells only the presence. wazo-chatd tells all four, which do not depend on each other: a user
in do-not-disturb can be away, and a user who is shown as unavailable can be connected and talk.
Each gauge begins with the first user of whom its fact is told.
"""

from __future__ import annotations

from functools import cache
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
        old = () if before is None else _series(before)
        new = () if after is None else _series(after)
        if after is not None:
            for spec in _told(after):
                if spec.name not in self._started:
                    self._start(spec)
        for each in old:
            if each not in new:
                self._samples.add(each[0], (*self._origin, *each[1]), -1)
        for each in new:
            if each not in old:
                self._samples.add(each[0], (*self._origin, *each[1]))
        self.available -= before is not None and before.is_available
        self.available += after is not None and after.is_available

    def _start(self, spec: MetricSpec) -> None:
        self._samples.start(spec, self._origin)
        self._started.add(spec.name)


# There are some hundred different records.
@cache
def _series(status: UserStatus) -> tuple[tuple[MetricSpec, LabelValues], ...]:
    """Return the series in which a user counts, without the origin."""
    found: list[tuple[MetricSpec, LabelValues]] = [(USERS, (status.presence,))]
    if status.do_not_disturb:
        found.append((DO_NOT_DISTURB, ()))
    if status.connected:
        found.append((CONNECTED, ()))
    if status.line_state is not None:
        found.append((LINE_STATE, (status.line_state,)))
    return tuple(found)


@cache
def _told(status: UserStatus) -> tuple[MetricSpec, ...]:
    """Return the gauges that count users by a fact that is told."""
    facts = {
        DO_NOT_DISTURB: status.do_not_disturb,
        CONNECTED: status.connected,
        LINE_STATE: status.line_state,
    }
    return tuple(spec for spec, fact in facts.items() if fact is not None)
