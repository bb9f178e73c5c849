"""How many members of each call-centre queue can take a call?

Source: the QueueMember events of Asterisk, as xivo-amid and wazo-amid publish them
(`dataflows/events/queue_member_decoders.py`). An agent in five queues is five members, so sums over
queues count members, not people. The wrap-up time of a queue comes from `AgentComplete`; only the
Asterisk of XiVO and Wazo sends it there.

Trouble: amid publishes the events of a few milliseconds in reverse order. The last event to arrive
wins, unless its fields contradict that order (`dataflows/member_order.py`). The member's next event
corrects a wrong state, because it contains all fields. For a second after a removal, status and
pause events of the member are ignored, because they are older; only `QueueMemberAdded`, or a newer
`LoginTime` (Asterisk 18 and later), adds the member again. Duplicates change nothing. A queue
without members stays, at 0, until it had no event for a week.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from operator import attrgetter

from msgspec import structs

from dataflows.clock import Countdown
from dataflows.events import asterisk
from dataflows.events.queue_calls import CallCompleted
from dataflows.events.queue_member_decoders import DECODERS
from dataflows.events.queue_members import (
    MemberRemoved,
    MemberReported,
    QueueEvent,
    RingInUseSet,
    StatusReported,
)
from dataflows.member_history import MemberHistory
from dataflows.member_order import NEXT_STATUS, MemberEvent
from dataflows.members import Change, Member, can_ring, merge
from dataflows.parts import FORGET_AFTER_SECONDS, MAX_PARTS, PartedState
from dataflows.queue_metrics import AVAILABLE, AVAILABLE_LEVELS, CHANGES, MEMBERS, PAUSED, STATES
from dataflows.subsystem import Context, State, Subsystem
from dataflows.windows import Level
from dataflows.wrap_ups import WrapUps

NAME = "queues"


class QueueState(State[QueueEvent | CallCompleted]):
    """The members of one queue.

    With one member, idle and not paused:

        xivo_queue_members{origin_uuid="ca7f…",queue="petak",membership="static"} 1
        xivo_queue_member_states{origin_uuid="ca7f…",queue="petak",status="not_in_use"} 1
        xivo_queue_members_paused{origin_uuid="ca7f…",queue="petak"} 0
        xivo_queue_members_available{origin_uuid="ca7f…",queue="petak"} 1
    """

    def __init__(self, first: QueueEvent | CallCompleted, context: Context) -> None:
        super().__init__(context)
        self._queue = (first.origin_uuid, first.queue)
        self._members: dict[str, Member] = {}
        self._history = MemberHistory()
        self._wrap_up_seconds = 0
        self._wrap_ups = WrapUps()
        self._free = 0
        self._silence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (MEMBERS, STATES, PAUSED, AVAILABLE, CHANGES):
            self.samples.start(spec, self._queue)
        self._available = Level(
            self.samples, AVAILABLE_LEVELS, self._queue, self.windows, at=first.at, value=0
        )
        self.trackers = (self._available,)

    def apply(self, event: QueueEvent | CallCompleted) -> None:
        self._silence.due = None  # A call of `stop` for each event would cost more.
        at = event.at
        if self._wrap_ups.due <= at:
            self._end_wrap_ups(self._wrap_ups.ended(at))
        free = self._free
        if type(event) is not StatusReported or not self._follow(event):
            self._apply_other(event)
        if self._free != free or at >= self._available.due:
            self._available.follow(at, self._free)

    def _follow(self, event: StatusReported) -> bool:
        """Apply a status event if nothing speaks against its order; return whether it did.

        This is true for most. `contradictions` would find it too, but slowly.
        """
        before = self._members.get(event.interface)
        if (
            before is None
            or event.status not in NEXT_STATUS[before.status]
            or event.paused is not before.paused
            or event.login_time != before.login_time
            or event.last_call < before.last_call
            or before.is_doubtful
        ):
            return False
        after = merge(before, event)
        self._history.applied.append((before, event, ()))
        if event.last_call > before.last_call or event.membership is not before.membership:
            self._put(event, before, after)
            return True
        interface, samples = event.interface, self.samples
        self._members[interface] = after
        samples.add(STATES, (*self._queue, before.status), -1)
        samples.add(STATES, (*self._queue, after.status), 1)
        if not event.paused and interface not in self._wrap_ups:
            self._count_free(can_ring(before), can_ring(after))
        return True

    def _apply_other(self, event: QueueEvent | CallCompleted) -> None:
        match event:
            case MemberReported() | MemberRemoved():
                self._sort(self._members.get(event.interface), event)
            case RingInUseSet() if (before := self._members.get(event.interface)) is not None:
                after = structs.replace(before, rings_in_use=event.rings_in_use)
                self._put(event, before, after)
            case CallCompleted():
                self._complete(self._members.get(event.interface), event)

    def _sort(self, before: Member | None, event: MemberEvent) -> None:
        """Apply an event that may be older than others that arrived before it."""
        if before is None and self._history.is_overtaken(event):
            self._history.applied.append((before, event, ()))
            return
        after, found = self._history.sort(before, event)
        if before is None and after is not None and not self.entities.take():
            self.refused += 1
            return
        if before is not None and after is None:
            self.entities.release()
        self._history.applied.append((before, event, found))
        self._put(event, before, after, found)

    def _complete(self, member: Member | None, event: CallCompleted) -> None:
        if event.wrap_up is None:
            return
        self._wrap_up_seconds = event.wrap_up
        # The call may belong to an earlier membership.
        if member is not None and member.login_time <= event.at - (event.talk_time or 0):
            was_free = self._is_free(event.interface, member)
            self._wrap_up(event.interface, event.at, member, int(event.at))
            self._count_free(was_free, self._is_free(event.interface, member))

    def _put(
        self,
        event: QueueEvent,
        before: Member | None,
        after: Member | None,
        found: tuple[Change, ...] = (),
    ) -> None:
        """Replace a member, and count it and its changes."""
        interface, samples, queue = event.interface, self.samples, self._queue
        was_free = is_free = False
        if before is not None:
            was_free = self._is_free(interface, before)
            if after is None or after.login_time > before.login_time:
                self._wrap_ups.drop(interface)
            self._count(before, -1, other=after)
        if after is None:
            self._members.pop(interface, None)
        else:
            self._members[interface] = after
            if after.last_call > (before.last_call if before is not None else 0):
                self._wrap_up(interface, event.at, after, after.last_call)
            is_free = self._is_free(interface, after)
            self._count(after, 1, other=before)
        self._count_free(was_free, is_free)
        for change in found:
            samples.add(CHANGES, (*queue, change))

    def _count(self, member: Member, amount: int, *, other: Member | None) -> None:
        """Add or subtract a member, except for labels that `other`, before or after, shares."""
        samples, queue = self.samples, self._queue
        membership, status = member.membership, member.status
        if membership is not None and (other is None or membership is not other.membership):
            samples.add(MEMBERS, (*queue, membership), amount)
        if other is None or status is not other.status:
            samples.add(STATES, (*queue, status), amount)
        if member.paused:
            samples.add(PAUSED, queue, amount)

    def _count_free(self, was_free: bool, is_free: bool) -> None:
        if was_free is not is_free:
            self._free += is_free - was_free
            self.samples.set(AVAILABLE, self._queue, self._free)

    def _is_free(self, interface: str, member: Member) -> bool:
        return can_ring(member) and interface not in self._wrap_ups

    def _wrap_up(self, interface: str, at: float, member: Member, ended: int) -> None:
        """Let the wrap-up of a member begin, after a call that ended at a time."""
        seconds = member.wrap_up or self._wrap_up_seconds
        # The clock of the server may be ahead.
        until = min(ended, at) + seconds
        if until > at:
            self._wrap_ups.start(interface, until, seconds)

    def _end_wrap_ups(self, ended: Iterator[tuple[float, str]]) -> None:
        for at, interface in ended:
            self._count_free(False, can_ring(self._members[interface]))
            self._available.follow(at, self._free)

    def recheck(self, now: float) -> None:
        super().recheck(now)
        self._history.recheck(now)

    def end(self) -> None:
        super().end()
        self.entities.release(len(self._members))
        self._members.clear()

    def may_end(self) -> bool:
        return not self._members or self._wrap_ups.due < inf

    def expire(self, now: float) -> float | None:
        if self._wrap_ups.due < inf:
            self._end_wrap_ups(self._wrap_ups.ended_by_clock(now))
        due = min(super().expire(now) or inf, self._wrap_ups.due)
        if not self._members:
            if self._silence.is_over(now):
                self.samples.retire_all()
            due = min(self._silence.due or inf, due)
        return None if due == inf else due


class QueuesState(PartedState[QueueEvent | CallCompleted]):
    """The queues of one origin."""

    part_name = attrgetter("queue")
    start_part = QueueState

    def may_start(self, event: QueueEvent | CallCompleted) -> bool:
        # The end of a call does not say how many members the queue has.
        return isinstance(event, MemberReported | MemberRemoved)


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
