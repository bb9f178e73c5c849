"""The members of one queue, their states, and who is in wrap-up.

Several subsystems follow them, each in a state of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from dataflows.events.queue_calls import CallCompleted
from dataflows.events.queue_members import (
    MemberRemoved,
    MemberReported,
    QueueEvent,
    StatusReported,
)
from dataflows.knowledge import Drift
from dataflows.member_history import MemberHistory
from dataflows.member_order import NEXT_STATUS, MemberEvent
from dataflows.members import Change, Member, after_restart, as_listed, differs
from dataflows.merging import Changed, drift
from dataflows.subsystem import State
from dataflows.wrap_ups import WrapUps


class Listed(NamedTuple):
    """A member that an API lists otherwise than it was known.

    Attributes:
        event: As if one had told of it.
        before: None if it was no member.
        after: None if it is none.
    """

    event: MemberReported | MemberRemoved
    before: Member | None
    after: Member | None


def drift_of(found: Iterable[Listed]) -> Counter[Drift]:
    """Count the members that were wrong in what matters."""
    return drift(each for each in found if differs(each.before, each.after))


class QueueMembers:
    """The members of one queue, by interface.

    An event is applied in two steps, because a state compares the member before and after it:
    `follow` or `sort` returns the member after it, `put` replaces the member.

    Args:
        wrap_ups: May be shared by several queues; the prefix distinguishes their members.
        prefix: Text before the interface of a member in `wrap_ups`.

    Attributes:
        members: By interface.
    """

    __slots__ = ("_history", "_prefix", "_wrap_up_seconds", "_wrap_ups", "members")

    def __init__(self, wrap_ups: WrapUps, prefix: str = "") -> None:
        self._wrap_ups = wrap_ups
        self._prefix = prefix
        self._history = MemberHistory()
        self._wrap_up_seconds = 0
        self.members: dict[str, Member] = {}

    def __getstate__(self) -> tuple[Any, ...]:
        # Pickling each member would take ten times as long.
        kept = msgspec.msgpack.encode(self.members)
        return self._wrap_ups, self._prefix, self._history, self._wrap_up_seconds, kept

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._wrap_ups, self._prefix, self._history, self._wrap_up_seconds, kept = state
        self.members = msgspec.msgpack.decode(kept, type=dict[str, Member])

    def is_in_wrap_up(self, interface: str) -> bool:
        """Return whether a member gets no call, because one has just ended."""
        return self._prefix + interface in self._wrap_ups

    def follow(self, before: Member, event: StatusReported) -> Member | None:
        """Return the member after a status event; None if the event may be an older one.

        Most events are certainly new. `contradictions` would find that too, but slowly.
        """
        last_call, paused, reason = event.last_call, event.paused, event.reason
        if (
            event.status not in NEXT_STATUS[before.status]
            or paused is not before.paused
            or event.login_time != before.login_time
            or last_call < before.last_call
            or before.is_doubtful
        ):
            return None
        self._history.applied.append((before, event, ()))
        rings_in_use = event.rings_in_use
        # As `merge`, which would compute what is clear here.
        return Member(
            paused,
            event.status,
            event.membership or before.membership,
            before.login_time,
            before.is_announced,
            before.rings_in_use if rings_in_use is None else rings_in_use,
            last_call,
            event.wrap_up,
            (before.reason if reason is None else reason) if paused else "",
            False,
            event.at,
        )

    def sort(
        self, event: MemberEvent, state: State[Any]
    ) -> tuple[Member | None, tuple[Change, ...]] | None:
        """Return the member after an event that may be older than others that arrived before.

        A member that joins or leaves takes or releases a place of the state.

        Returns:
            The member, or None if it is no member, and the changes that were not counted yet. Or
            None if the event changes nothing, because a newer one has overtaken it, or because
            there is no place; then the state counts it as refused.
        """
        before, history = self.members.get(event.interface), self._history
        if before is None and history.is_overtaken(event):
            history.applied.append((before, event, ()))
            return None
        after, found = history.sort(before, event)
        if before is None and after is not None and not state.entities.take():
            state.refused += 1
            return None
        if before is not None and after is None:
            state.entities.release()
        history.applied.append((before, event, found))
        return after, found

    def put(self, event: QueueEvent, after: Member | None) -> None:
        """Replace the member of an event; its wrap-up may begin or end."""
        interface = event.interface
        before = self.members.get(interface)
        if before is not None and (after is None or after.login_time > before.login_time):
            self._wrap_ups.drop(self._prefix + interface)
        if after is None:
            self.members.pop(interface, None)
            return
        self.members[interface] = after
        if after.last_call > (before.last_call if before is not None else 0):
            self._wrap_up(interface, event.at, after, after.last_call)

    def compare(
        self,
        of: MemberRemoved,
        listed: Iterable[MemberReported],
        changed: Changed,
        state: State[Any],
    ) -> Iterator[Listed]:
        """Yield the members that an API lists otherwise than they are known.

        The caller replaces each with `put`, before it asks for the next one. A member that is new
        or gone takes or releases a place of the state.

        Args:
            of: The removal of a member of this queue, for those that are not listed.
            listed: All members of the queue.
            changed: What events changed since the API was asked, as queue and interface.
            state: Whose places the members take, and which counts what is refused.
        """
        listed = [*listed]
        # First, because new members can take the places.
        for interface in self.members.keys() - {report.interface for report in listed}:
            if (of.queue, interface) not in changed:
                known = self.members[interface]
                state.entities.release()
                gone = structs.replace(of, interface=interface)
                # An event that is late must not add it again.
                self._history.remember_removal(gone, known.login_time)
                yield Listed(gone, known, None)
        for report in listed:
            interface = report.interface
            if (of.queue, interface) in changed:
                continue
            before = self.members.get(interface)
            after = as_listed(before, report)
            if after is before:
                continue
            if before is None and not state.entities.take():
                state.refused += 1
                continue
            yield Listed(report, before, after)

    def complete(self, event: CallCompleted) -> None:
        """Let the wrap-up of a member begin, because its call has ended."""
        if event.wrap_up is None:
            return
        self._wrap_up_seconds = event.wrap_up
        member = self.members.get(event.interface)
        # The call may belong to an earlier membership.
        if member is not None and member.login_time <= event.at - (event.talk_time or 0):
            self._wrap_up(event.interface, event.at, member, int(event.at))

    def _wrap_up(self, interface: str, at: float, member: Member, ended: int) -> None:
        seconds = member.wrap_up or self._wrap_up_seconds
        # The clock of the server may be ahead.
        until = min(ended, at) + seconds
        if until > at:
            self._wrap_ups.start(self._prefix + interface, until, seconds)

    def restart(self, started: float) -> Iterator[tuple[str, Member, Member]]:
        """Follow a start of Asterisk at a time, Unix seconds.

        Returns:
            The members that changed: interface, before and after.
        """
        for interface, before in [*self.members.items()]:
            after = after_restart(before, started)
            if after is not before:
                self.members[interface] = after
                yield interface, before, after

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct the times that were taken from time stamps."""
        for interface, member in self.members.items():
            self.members[interface] = structs.replace(member, at=corrected(member.at))

    def recheck(self, now: float) -> None:
        """Let nothing have happened in the future: the clock was set back."""
        self._history.recheck(now)
        self.correct(lambda at: min(at, now))
