"""The order in which Asterisk sent the events of a member.

amid reads the events of some milliseconds in a batch, and publishes each batch in
reverse order. Where a batch begins and ends is not visible on the bus. But an event
contains the whole member, so it says which state it follows:

* A status event changes the status and nothing else. A pause event keeps the status.
* A member is added once, and has no event after its removal. `LoginTime` never
  decreases, nor does `LastCall` within a membership; it is 0 before the first call.
* A phone rings before it is in use. A phone that is in use and rings again has another
  status, which no phone without a call has.
* A call is answered before it is on hold, and returns from hold before it ends.

So each way to cut the last events into reversed batches gets a number of
contradictions. The way with the fewest is taken, and of equal ones the way that
reverses the fewest events, then the one whose last batches are shortest.
"""

from __future__ import annotations

from collections.abc import Sequence

from dataflows.events.queue_members import (
    DeviceState,
    MemberAdded,
    MemberPauseSet,
    MemberRemoved,
    MemberReported,
    StatusReported,
)
from dataflows.members import Member

MemberEvent = MemberReported | MemberRemoved

MAX_SORTED = 9
"""Events of a member whose order is compared: amid reads 4,096 bytes at once, and such an event
has more than 430."""

_UNLIKELY = 2
_IMPOSSIBLE = 5

_D = DeviceState
# The state of an idle DAHDI phone is unknown.
_WITHOUT_CALL = (_D.UNKNOWN, _D.NOT_IN_USE, _D.INVALID, _D.UNAVAILABLE)
_NEVER_NEXT = frozenset(
    {
        *((each, _D.RINGING) for each in (_D.IN_USE, _D.BUSY, _D.ON_HOLD)),
        *((each, _D.RINGING) for each in (_D.INVALID, _D.UNAVAILABLE)),
        *((each, _D.RINGING_IN_USE) for each in _WITHOUT_CALL),
        *((each, _D.ON_HOLD) for each in (*_WITHOUT_CALL, _D.RINGING)),
        *((_D.ON_HOLD, each) for each in _WITHOUT_CALL),
    }
)
"""Pairs of states that do not come directly after each other."""

NEXT_STATUS = {
    before: frozenset(
        status for status in _D if status is not before and (before, status) not in _NEVER_NEXT
    )
    for before in _D
}
"""The states that can come directly after a state."""


def contradictions(before: Member | MemberEvent | None, event: MemberEvent) -> int:
    """Return how much speaks against an event right after a state or an event; 0 for nothing.

    Args:
        before: None if the member was not known.
        event: An event of the same member.
    """
    if before is None:
        return _of_unknown(event)
    if isinstance(before, MemberRemoved):
        return _after_removal(before, event)
    login_time = event.login_time
    if isinstance(event, MemberRemoved):
        is_other = login_time != before.login_time and login_time and before.login_time
        return _UNLIKELY if is_other else 0
    found = 0
    if login_time != before.login_time and login_time and before.login_time:
        found = _UNLIKELY if login_time > before.login_time else _IMPOSSIBLE
    if type(event) is MemberAdded:
        return found or (_UNLIKELY if login_time else 0)
    if found:
        found += 1  # Its addition is missing too.
    elif 0 <= event.last_call < before.last_call:
        found = _UNLIKELY
    return found + _of_pause(before, event) + _of_status(before, event)


def _of_pause(before: Member | MemberReported, event: MemberReported) -> int:
    is_other = event.paused is not before.paused
    return _UNLIKELY if is_other and type(event) is not MemberPauseSet else 0


def _of_status(before: Member | MemberReported, event: MemberReported) -> int:
    status = event.status
    is_same = status is before.status or status is None
    if type(event) is not StatusReported:
        return 0 if is_same else _UNLIKELY
    if is_same:
        # Before Asterisk 16, an event may repeat the status.
        return _UNLIKELY if event.login_time else 1
    return _UNLIKELY if (before.status, status) in _NEVER_NEXT else 0


def _of_unknown(event: MemberEvent) -> int:
    if isinstance(event, MemberAdded) or (
        isinstance(event, MemberRemoved) and not event.login_time
    ):
        return 0
    return _UNLIKELY


def _after_removal(removed: MemberRemoved, event: MemberEvent) -> int:
    if isinstance(event, MemberRemoved):
        return _UNLIKELY
    if isinstance(event, MemberAdded):
        return _IMPOSSIBLE if 0 < event.login_time < removed.login_time else 0
    return 1 if 0 < removed.login_time < event.login_time else _IMPOSSIBLE


def in_true_order(
    before: Member | None, events: Sequence[MemberEvent]
) -> tuple[list[MemberEvent], bool]:
    """Return the events of a member in the order of Asterisk.

    Args:
        before: The member before these events.
        events: In the order of their arrival, at most `MAX_SORTED`.

    Returns:
        The events, and whether this order is certain: it is that of the arrival, and nothing
        speaks against it.
    """
    count = len(events)
    # By end and begin of the last batch: contradictions and reversals so far, and where the
    # batch before it begins, negated.
    best: dict[tuple[int, int], tuple[int, int, int]] = {}
    for begin in range(count):
        inside = 0
        for end in range(begin + 1, count + 1):
            newest_arrival = events[end - 1]
            if end - begin > 1:
                # In a reversed batch, the event that arrived last is the oldest.
                inside += contradictions(newest_arrival, events[end - 2])
            reversals = end - begin - 1
            if begin == 0:
                best[end, 0] = contradictions(before, newest_arrival) + inside, reversals, 1
                continue
            best[end, begin] = min(
                (
                    best[begin, earlier][0]
                    + contradictions(events[earlier], newest_arrival)
                    + inside,
                    best[begin, earlier][1] + reversals,
                    -earlier,
                )
                for earlier in range(begin)
            )
    return _read(events, best)


def _read(
    events: Sequence[MemberEvent], best: dict[tuple[int, int], tuple[int, int, int]]
) -> tuple[list[MemberEvent], bool]:
    end = len(events)
    begin = min(range(end), key=lambda begin: (best[end, begin][:2], -begin))
    is_certain = best[end, begin][:2] == (0, 0)
    ordered: list[MemberEvent] = []
    while begin >= 0:
        ordered = [*reversed(events[begin:end]), *ordered]
        end, begin = begin, -best[end, begin][2]
    return ordered, is_certain
