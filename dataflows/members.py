"""A member of a queue, and how events change it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from dataflows.events.queue_members import (
    DeviceState,
    MemberAdded,
    MemberPauseSet,
    MemberReported,
    Membership,
)


class Change(StrEnum):
    """Changes of a member that are counted."""

    ADDED = "added"
    REMOVED = "removed"
    PAUSED = "paused"
    UNPAUSED = "unpaused"


class Member(Struct, frozen=True, gc=False):
    """What is known of a member.

    Attributes:
        membership: None until an event contains it.
        login_time: When it joined the queue, Unix seconds; 0 if that is unknown.
        announced: Whether an event reported that it was added.
    """

    paused: bool
    status: DeviceState
    membership: Membership | None
    login_time: int
    announced: bool


def merge(before: Member | None, event: MemberReported) -> Member:
    """Return the member after an event; fields that the event lacks keep their values."""
    known = before or Member(event.paused, DeviceState.UNKNOWN, None, 0, announced=False)
    return Member(
        event.paused,
        event.status or known.status,
        event.membership or known.membership,
        event.login_time or known.login_time,
        announced=known.announced or isinstance(event, MemberAdded),
    )


def changes(before: Member | None, after: Member, event: MemberReported) -> Iterator[Change]:
    """Return the changes of a member; the first state of an unknown member is none."""
    # The addition may arrive after the member's first state, so it also counts then.
    if after.announced and not (before and before.announced):
        yield Change.ADDED
    was_paused = before.paused if before is not None else not after.paused
    can_change = before is not None or isinstance(event, MemberPauseSet)
    if can_change and was_paused is not after.paused:
        yield Change.PAUSED if after.paused else Change.UNPAUSED
