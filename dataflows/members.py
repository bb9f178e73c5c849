"""A member of a queue, and how events change it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, structs

from dataflows.events.queue_members import (
    DeviceState,
    MemberAdded,
    MemberPauseSet,
    MemberRemoved,
    MemberReported,
    Membership,
)


class Change(StrEnum):
    """Changes of a member that are counted."""

    ADDED = "added"
    REMOVED = "removed"
    PAUSED = "paused"
    UNPAUSED = "unpaused"


class Member(Struct, frozen=True, gc=False, array_like=True):
    """What is known of a member.

    Attributes:
        membership: None until an event contains it.
        login_time: When it joined the queue, Unix seconds; 0 if that is unknown.
        is_announced: Whether an event reported that it was added.
        rings_in_use: Whether the queue also rings it while it is busy.
        last_call: When its last call of the queue ended, Unix seconds of the server's clock;
            0 before the first one, -1 until an event contains it.
        wrap_up: Its own wrap-up time in seconds; 0 if that of the queue holds.
        reason: Why it is paused; empty if there is no reason.
        is_doubtful: Whether the order of its last events is not certain.
        at: When its last event happened, Unix seconds.
    """

    paused: bool
    status: DeviceState
    membership: Membership | None
    login_time: int
    is_announced: bool
    rings_in_use: bool
    last_call: int
    wrap_up: int
    reason: str = ""
    is_doubtful: bool = False
    at: float = 0.0


def after_restart(member: Member, started: float) -> Member:
    """Return the member after a start of Asterisk at a time, Unix seconds.

    A device that was in a call or rang before is not any more. Nobody says whether it is idle or
    cannot be reached, so its state is unknown until its next event. Asterisk restores the rest of
    a member, and asks the devices itself, without an event.
    """
    if member.at > started or member.status not in _WITH_CALL:
        return member
    return structs.replace(member, status=_UNKNOWN)


def can_ring(member: Member) -> bool:
    """Return whether Asterisk would ring a member, if it is not in wrap-up.

    It is `is_member_available` of app_queue, Asterisk 11 to 22, without its wrap-up.
    """
    if member.paused:
        return False
    status = member.status
    if status is _NOT_IN_USE or status is _UNKNOWN:
        return True
    return member.rings_in_use and status is not _UNAVAILABLE and status is not _INVALID


_NOT_IN_USE, _UNKNOWN = DeviceState.NOT_IN_USE, DeviceState.UNKNOWN
_UNAVAILABLE, _INVALID = DeviceState.UNAVAILABLE, DeviceState.INVALID
_WITH_CALL = frozenset(
    {
        DeviceState.IN_USE,
        DeviceState.BUSY,
        DeviceState.RINGING,
        DeviceState.RINGING_IN_USE,
        DeviceState.ON_HOLD,
    }
)


def as_listed(before: Member | None, report: MemberReported) -> Member:
    """Return a member as an API lists it; the same object if it was known so."""
    if before is None:
        return merge(None, report)
    after = structs.replace(
        before,
        paused=report.paused,
        status=report.status or before.status,
        membership=report.membership or before.membership,
        login_time=report.login_time or before.login_time,
        last_call=before.last_call if report.last_call < 0 else report.last_call,
        wrap_up=report.wrap_up,
        reason=before.reason if report.paused and report.reason is None else report.reason or "",
        is_doubtful=False,
    )
    return before if after == before else structs.replace(after, at=report.at)


def differs(before: Member | None, after: Member | None) -> bool:
    """Return whether events missed something that matters about a member."""
    if before is None or after is None:
        return True
    return (before.status, before.paused, before.membership) != (
        after.status,
        after.paused,
        after.membership,
    )


def merge(before: Member | None, event: MemberReported) -> Member:
    """Return the member after an event; fields that the event lacks keep their values."""
    if before is None:
        rings_in_use = event.rings_in_use or False
        status = event.status or _UNKNOWN
        return Member(
            event.paused,
            status,
            event.membership,
            event.login_time,
            type(event) is MemberAdded,
            rings_in_use,
            event.last_call,
            event.wrap_up,
            event.reason or "",
            at=event.at,
        )
    login_time, last_call = event.login_time or before.login_time, event.last_call
    is_renewed = login_time > before.login_time > 0
    if last_call < before.last_call and not is_renewed:
        last_call = before.last_call
    return Member(
        event.paused,
        event.status or before.status,
        event.membership or before.membership,
        login_time,
        before.is_announced or is_renewed or type(event) is MemberAdded,
        before.rings_in_use if event.rings_in_use is None else event.rings_in_use,
        last_call,
        event.wrap_up,
        _reason(before, event),
        at=event.at,
    )


def _reason(before: Member, event: MemberReported) -> str:
    if event.reason is None and event.paused and type(event) is not MemberPauseSet:
        # Before Asterisk 18, status events may lack it.
        return before.reason
    return event.reason or ""


def follow(
    before: Member | None, event: MemberReported | MemberRemoved
) -> tuple[Member | None, tuple[Change, ...]]:
    """Return the member after an event, and the changes; None if it is no member."""
    if isinstance(event, MemberRemoved):
        if before is None or 0 < event.login_time < before.login_time:
            # Of a membership whose end the newer one has already proved.
            return before, ()
        return None, (Change.REMOVED,)
    after = merge(before, event)
    return after, changes(before, after, event)


def changes(before: Member | None, after: Member, event: MemberReported) -> tuple[Change, ...]:
    """Return the changes of a member; the first state of an unknown member is none."""
    found: tuple[Change, ...] = ()
    if before is not None and after.login_time > before.login_time > 0:
        # It was removed and added again.
        found = (Change.REMOVED, Change.ADDED)
    elif after.is_announced and not (before is not None and before.is_announced):
        # The addition may arrive after the member's first state, so it also counts then.
        found = (Change.ADDED,)
    was_paused = before.paused if before is not None else not after.paused
    can_change = before is not None or type(event) is MemberPauseSet
    if can_change and was_paused is not after.paused:
        found += (Change.PAUSED if after.paused else Change.UNPAUSED,)
    return found
