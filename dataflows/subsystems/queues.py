"""How many members of each call-centre queue can take a call?

Source: the QueueMember events of Asterisk, as xivo-amid and wazo-amid publish
them (`queues_events.py`). An agent in five queues is five members, so sums over
queues count members, not people.

Trouble: amid publishes the events of a few milliseconds in reverse order. The
last event to arrive wins; the member's next event corrects a wrong state, because
it contains all fields. For a second after a removal, status and pause events of
the member are ignored, because they are older; only `QueueMemberAdded` adds the
member again. A removal of an older membership (`LoginTime`, Asterisk 18 and later)
does not remove the newer one. Duplicates change nothing. A queue without members
stays, at 0, until it had no event for a week.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from dataflows.clock import Countdown
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec
from dataflows.subsystem import Options, State, Subsystem
from dataflows.subsystems.queues_events import (
    DECODERS,
    DEVICE_STATES,
    NAME,
    DeviceState,
    MemberAdded,
    MemberPauseSet,
    MemberRemoved,
    MemberReported,
    Membership,
    QueueEvent,
)
from dataflows.windows import Level

FORGET_AFTER_SECONDS = 7 * 24 * 3600
"""An empty queue without events for a week was deleted; a shorter silence may be a holiday."""

OVERTAKEN_SECONDS = 1.0
"""A batch of amid spans milliseconds, and a member that is added again has `QueueMemberAdded`."""

_MANY_REMOVALS = 100


class Change(StrEnum):
    """Changes of a member that are counted."""

    ADDED = "added"
    REMOVED = "removed"
    PAUSED = "paused"
    UNPAUSED = "unpaused"


_QUEUE = ("origin_uuid", "queue")

MEMBERS = MetricSpec(
    "xivo_queue_members",
    Kind.GAUGE,
    "Members of the queue, by membership. On Asterisk 11, pause events lack the membership: a "
    "member known only from a pause counts when another event reports its membership.",
    (*_QUEUE, "membership"),
    {"membership": tuple(Membership)},
    cardinality="3 per queue",
)
STATES = MetricSpec(
    "xivo_queue_member_states",
    Kind.GAUGE,
    "Members of the queue, by the state of their device. A removed member does not count.",
    (*_QUEUE, "status"),
    {"status": DEVICE_STATES},
    cardinality="9 per queue",
)
PAUSED = MetricSpec(
    "xivo_queue_members_paused",
    Kind.GAUGE,
    "Members of the queue that are paused, whatever the state of their device.",
    _QUEUE,
    cardinality="one per queue",
)
AVAILABLE = MetricSpec(
    "xivo_queue_members_available",
    Kind.GAUGE,
    "Members of the queue that can take a call: not paused, with a device that is not in use.",
    _QUEUE,
    cardinality="one per queue",
)
CHANGES = MetricSpec(
    "xivo_queue_member_changes_total",
    Kind.COUNTER,
    "How often members were added, removed, paused or unpaused. A repeated event, and the first "
    "status of an unknown member, do not count.",
    (*_QUEUE, "change"),
    {"change": tuple(Change)},
    cardinality="4 per queue",
)

AVAILABLE_LEVELS = levels(
    "xivo_queue_members_available_min",
    "xivo_queue_members_available_max",
    "xivo_queue_members_available_avg",
    "members that can take a call",
    _QUEUE,
    per="queue",
    gauge="`xivo_queue_members_available`",
)


class _Member(Struct, frozen=True, gc=False):
    paused: bool
    status: DeviceState
    membership: Membership | None
    login_time: int
    announced: bool


class QueueState(State[QueueEvent]):
    """The members of one queue.

    With one member, idle and not paused:

        xivo_queue_members{origin_uuid="ca7f…",queue="petak",membership="static"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 1
    """

    def __init__(self, first: QueueEvent, options: Options) -> None:
        super().__init__()
        self._queue = (first.origin_uuid, first.queue)
        self._allocation = options.allocation
        self._members: dict[str, _Member] = {}
        self._removed_at: dict[str, float] = {}
        self._silence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (MEMBERS, STATES, PAUSED, AVAILABLE, CHANGES):
            self.samples.start(spec, self._queue)
        self._available = Level(
            self.samples, AVAILABLE_LEVELS, self._queue, options.windows, at=first.at, value=0
        )
        self.trackers = (self._available,)

    def apply(self, event: QueueEvent) -> None:
        self._silence.stop()
        match event:
            case MemberReported():
                self._report(event)
            case MemberRemoved():
                self._remove(event)
        self._available.follow(event.at, self.samples.get(AVAILABLE, self._queue))

    def _report(self, event: MemberReported) -> None:
        before = self._members.get(event.interface)
        if before is None and self._is_overtaken(event):
            return
        after = _merge(before, event)
        if after == before:
            return
        if before is None and not self._allocation.take():
            self.refused += 1
            return
        self._members[event.interface] = after
        if before is None:
            self._removed_at.pop(event.interface, None)
        else:
            self._count(before, -1, other=after)
        self._count(after, 1, other=before)
        for change in _changes(before, after, event):
            self.samples.add(CHANGES, (*self._queue, change))

    def _is_overtaken(self, event: MemberReported) -> bool:
        """Return whether an event of an unknown member is older than its removal."""
        removed_at = self._removed_at.get(event.interface)
        if removed_at is None or isinstance(event, MemberAdded):
            return False
        return event.at - removed_at < OVERTAKEN_SECONDS

    def _remove(self, event: MemberRemoved) -> None:
        member = self._members.get(event.interface)
        if member is not None:
            if 0 < event.login_time < member.login_time:
                return
            del self._members[event.interface]
            self._allocation.release()
            self._count(member, -1)
            self.samples.add(CHANGES, (*self._queue, Change.REMOVED))
        if len(self._removed_at) >= _MANY_REMOVALS:
            # To bound the memory, forget all removals if even the recent ones are too many.
            oldest = event.at - OVERTAKEN_SECONDS
            kept = {key: at for key, at in self._removed_at.items() if at > oldest}
            self._removed_at = kept if len(kept) < _MANY_REMOVALS else {}
        self._removed_at[event.interface] = event.at

    def _count(self, member: _Member, amount: int, *, other: _Member | None = None) -> None:
        """Add or subtract a member, except for labels that `other`, before or after, shares."""
        samples, queue = self.samples, self._queue
        membership, status = member.membership, member.status
        if membership is not None and (other is None or membership is not other.membership):
            samples.add(MEMBERS, (*queue, membership), amount)
        if other is None or status is not other.status:
            samples.add(STATES, (*queue, status), amount)
        if member.paused:
            samples.add(PAUSED, queue, amount)
        elif status is DeviceState.NOT_IN_USE:
            samples.add(AVAILABLE, queue, amount)

    def expire(self, now: float) -> float | None:
        due = super().expire(now)
        if not self._members:
            if self._silence.is_over(now):
                self.samples.retire_all()
            due = self._silence.earliest(due)
        return due


def _merge(before: _Member | None, event: MemberReported) -> _Member:
    """Return the member after an event; fields that the event lacks keep their values."""
    known = before or _Member(event.paused, DeviceState.UNKNOWN, None, 0, announced=False)
    return _Member(
        event.paused,
        event.status or known.status,
        event.membership or known.membership,
        event.login_time or known.login_time,
        announced=known.announced or isinstance(event, MemberAdded),
    )


def _changes(before: _Member | None, after: _Member, event: MemberReported) -> Iterator[Change]:
    """Return the changes of a member; the first state of an unknown member is none."""
    # The addition may arrive after the member's first state, so it also counts then.
    if after.announced and not (before and before.announced):
        yield Change.ADDED
    was_paused = before.paused if before is not None else not after.paused
    can_change = before is not None or isinstance(event, MemberPauseSet)
    if can_change and was_paused is not after.paused:
        yield Change.PAUSED if after.paused else Change.UNPAUSED


SUBSYSTEM = Subsystem(
    NAME,
    "How many members of each call-centre queue can take a call?",
    (MEMBERS, STATES, PAUSED, AVAILABLE, CHANGES, *AVAILABLE_LEVELS),
    QueueState,
    DECODERS,
    part=lambda event: event.queue,
    per_origin=False,
)
