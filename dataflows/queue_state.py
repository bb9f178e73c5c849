"""The members of one queue, as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from msgspec import structs

from dataflows.clock import Countdown
from dataflows.events.queue_calls import CallCompleted
from dataflows.events.queue_members import (
    MemberRemoved,
    MemberReported,
    QueueEvent,
    RingInUseSet,
    StatusReported,
)
from dataflows.members import Change, Member, can_ring
from dataflows.merging import Changed
from dataflows.parts import FORGET_AFTER_SECONDS
from dataflows.queue_members import Listed, QueueMembers
from dataflows.queue_metrics import (
    AVAILABLE,
    AVAILABLE_LEVELS,
    CHANGES,
    MEMBERS,
    PAUSED,
    STATES,
    WRAP_UP,
)
from dataflows.subsystem import Context, State
from dataflows.windows import Level
from dataflows.wrap_ups import WrapUps


class QueueState(State[QueueEvent | CallCompleted]):
    """The members of one queue."""

    def __init__(self, first: QueueEvent | CallCompleted, context: Context) -> None:
        super().__init__(context)
        self._queue = (first.origin_uuid, first.queue)
        self._wrap_ups = WrapUps()
        self._members = QueueMembers(self._wrap_ups)
        self._free = 0
        self._silence = Countdown(FORGET_AFTER_SECONDS)
        for spec in (MEMBERS, STATES, PAUSED, WRAP_UP, AVAILABLE, CHANGES):
            self.samples.start(spec, self._queue)
        self._available = Level(
            self.samples, AVAILABLE_LEVELS, self._queue, self.windows, at=first.at, value=0
        )
        self.trackers = (self._available,)

    def apply(self, event: QueueEvent | CallCompleted) -> None:
        """Apply an event of a member, or the end of a call."""
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
        """Apply a status event if nothing speaks against its order; return whether it did."""
        queue, interface = self._members, event.interface
        before = queue.members.get(interface)
        if before is None or (after := queue.follow(before, event)) is None:
            return False
        if after.last_call > before.last_call or after.membership is not before.membership:
            self._put(event, after)
            return True
        queue.members[interface] = after
        labels = self._queue
        self.samples.move(STATES, (*labels, before.status), (*labels, after.status))
        could, can = can_ring(before), can_ring(after)
        if could is not can and not queue.is_in_wrap_up(interface):
            self._count_free(could, can)
        return True

    def _apply_other(self, event: QueueEvent | CallCompleted) -> None:
        match event:
            case MemberReported() | MemberRemoved():
                if (found := self._members.sort(event, self)) is not None:
                    self._put(event, *found)
            case RingInUseSet() if before := self._members.members.get(event.interface):
                self._put(event, structs.replace(before, rings_in_use=event.rings_in_use))
            case CallCompleted():
                was_free = self._is_free(event.interface)
                self._members.complete(event)
                self._count_wrap_ups()
                self._count_free(was_free, self._is_free(event.interface))

    def _put(self, event: QueueEvent, after: Member | None, found: tuple[Change, ...] = ()) -> None:
        """Replace a member, and count it and its changes."""
        before, was_free = (
            self._members.members.get(event.interface),
            self._is_free(event.interface),
        )
        self._members.put(event, after)
        self._count_wrap_ups()
        if before is not None:
            self._count(before, -1, other=after)
        if after is not None:
            self._count(after, 1, other=before)
        self._count_free(was_free, self._is_free(event.interface))
        for change in found:
            self.samples.add(CHANGES, (*self._queue, change))

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

    def _count_wrap_ups(self) -> None:
        wrap_ups = len(self._wrap_ups)
        if wrap_ups != self.samples.get(WRAP_UP, self._queue):
            self.samples.set(WRAP_UP, self._queue, wrap_ups)

    def _is_free(self, interface: str) -> bool:
        member = self._members.members.get(interface)
        return (
            member is not None and can_ring(member) and not self._members.is_in_wrap_up(interface)
        )

    def _end_wrap_ups(self, ended: Iterator[tuple[float, str]]) -> None:
        for at, interface in ended:
            self._count_free(False, can_ring(self._members.members[interface]))
            self._available.follow(at, self._free)
        self._count_wrap_ups()

    def follow_members(
        self, of: MemberRemoved, listed: tuple[MemberReported, ...], changed: Changed
    ) -> list[Listed]:
        """Have the members that an API lists, except those that events changed since.

        Returns:
            What was different.
        """
        self._silence.due = None
        free, found = self._free, list[Listed]()
        for each in self._members.compare(of, listed, changed, self):
            self._put(each.event, each.after)
            found.append(each)
        if self._free != free:
            self._available.follow(of.at, self._free)
        return found

    def restart(self, at: float, started: float) -> None:
        """End calls and wrap-ups from before a start of Asterisk."""
        for interface, before, after in self._members.restart(started):
            self.samples.move(STATES, (*self._queue, before.status), (*self._queue, after.status))
            if not self._members.is_in_wrap_up(interface):
                self._count_free(can_ring(before), can_ring(after))
        for interface in self._wrap_ups.lose(started):
            self._count_free(False, can_ring(self._members.members[interface]))
        self._count_wrap_ups()
        self._available.follow(at, self._free)

    def restore(self, now: float) -> None:
        """Follow the options after a resume. An earlier version did not count the wrap-ups."""
        self.samples.set(WRAP_UP, self._queue, len(self._wrap_ups))
        super().restore(now)

    def recheck(self, now: float) -> None:
        """Have no time in the future: the clock was set back."""
        super().recheck(now)
        self._members.recheck(now)

    def shift(self, corrected: Callable[[float], float]) -> None:
        """Correct the times that were taken from time stamps."""
        self._members.correct(corrected)

    def end(self) -> None:
        """End all series, and release the places of the members."""
        super().end()
        self.entities.release(len(self._members.members))
        self._members.members.clear()

    @property
    def interfaces(self) -> list[str]:
        """The interfaces of all members."""
        return [*self._members.members]

    def may_end(self) -> bool:
        """Return whether the queue is empty, or a wrap-up must end in time."""
        return not self._members.members or self._wrap_ups.due < inf

    def expire(self, now: float) -> float | None:
        """End wrap-ups; end all series of a queue that was empty and silent for a week."""
        if self._wrap_ups.due < inf:
            self._end_wrap_ups(self._wrap_ups.ended_by_clock(now))
        due = min(super().expire(now) or inf, self._wrap_ups.due)
        if not self._members.members:
            if self._silence.is_over(now):
                self.samples.retire_all()
            due = min(self._silence.due or inf, due)
        return None if due == inf else due
