"""How many members of each call-centre queue can take a call?

Source: the QueueMember events of Asterisk, as xivo-amid and wazo-amid publish
them (`dataflows/events/queue_members.py`). An agent in five queues is five members, so sums over
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

from operator import attrgetter

from dataflows.clock import Countdown
from dataflows.events import asterisk
from dataflows.events.queue_members import (
    DECODERS,
    DEVICE_STATES,
    DeviceState,
    MemberAdded,
    MemberRemoved,
    MemberReported,
    Membership,
    QueueEvent,
)
from dataflows.levels import levels
from dataflows.members import Change, Member, changes, merge
from dataflows.metric import Kind, MetricSpec
from dataflows.parts import MAX_PARTS, PartedState
from dataflows.subsystem import Context, State, Subsystem
from dataflows.windows import Level

NAME = "queues"

FORGET_AFTER_SECONDS = 7 * 24 * 3600
"""An empty queue without events for a week was deleted; a shorter silence may be a holiday."""

OVERTAKEN_SECONDS = 1.0
"""A batch of amid spans milliseconds, and a member that is added again has `QueueMemberAdded`."""

_MANY_REMOVALS = 100


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


class QueueState(State[QueueEvent]):
    """The members of one queue.

    With one member, idle and not paused:

        xivo_queue_members{origin_uuid="ca7f…",queue="petak",membership="static"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 1
    """

    def __init__(self, first: QueueEvent, context: Context) -> None:
        super().__init__(context)
        self._queue = (first.origin_uuid, first.queue)
        self._members: dict[str, Member] = {}
        self._removed_at: dict[str, float] = {}
        self._silence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (MEMBERS, STATES, PAUSED, AVAILABLE, CHANGES):
            self.samples.start(spec, self._queue)
        self._available = Level(
            self.samples, AVAILABLE_LEVELS, self._queue, self.options.windows, at=first.at, value=0
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
        after = merge(before, event)
        if after == before:
            return
        if before is None and not self.entities.take():
            self.refused += 1
            return
        self._members[event.interface] = after
        if before is None:
            self._removed_at.pop(event.interface, None)
        else:
            self._count(before, -1, other=after)
        self._count(after, 1, other=before)
        for change in changes(before, after, event):
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
            self.entities.release()
            self._count(member, -1)
            self.samples.add(CHANGES, (*self._queue, Change.REMOVED))
        if len(self._removed_at) >= _MANY_REMOVALS:
            # To bound the memory, forget all removals if even the recent ones are too many.
            oldest = event.at - OVERTAKEN_SECONDS
            kept = {key: at for key, at in self._removed_at.items() if at > oldest}
            self._removed_at = kept if len(kept) < _MANY_REMOVALS else {}
        self._removed_at[event.interface] = event.at

    def _count(self, member: Member, amount: int, *, other: Member | None = None) -> None:
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

    def end(self) -> None:
        super().end()
        self.entities.release(len(self._members))
        self._members.clear()

    def may_end(self) -> bool:
        return not self._members

    def expire(self, now: float) -> float | None:
        due = super().expire(now)
        if not self._members:
            if self._silence.is_over(now):
                self.samples.retire_all()
            due = self._silence.earliest(due)
        return due


class QueuesState(PartedState[QueueEvent]):
    """The queues of one origin."""

    part_name = attrgetter("queue")
    start_part = QueueState


SUBSYSTEM = Subsystem(
    NAME,
    "How many members of each call-centre queue can take a call?",
    (MEMBERS, STATES, PAUSED, AVAILABLE, CHANGES, *AVAILABLE_LEVELS),
    QueuesState,
    DECODERS,
    also=asterisk.DECODERS,
    can_be_complete=True,
    max_shown=MAX_PARTS,
)
