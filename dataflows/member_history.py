"""The last events of the members of a queue, so that a reversed batch can be put in order."""

from __future__ import annotations

from collections import Counter, deque
from math import inf
from typing import Any

from msgspec import structs

from dataflows.events.queue_members import MemberAdded, MemberRemoved
from dataflows.member_order import MAX_SORTED, MemberEvent, contradictions, in_true_order
from dataflows.members import Change, Member, follow

REVERSED_SECONDS = 0.05
"""Five times the longest distance between two reversed events of a member in recordings of a busy
server. Events that are further apart are in the order of their arrival."""

MAX_BATCH = 14
"""Events: the largest batch of amid in recordings."""

OVERTAKEN_SECONDS = 1.0
"""A batch of amid spans milliseconds, and a member that is added again has `QueueMemberAdded`."""

_MANY_REMOVALS = 100


Applied = tuple[Member | None, MemberEvent, tuple[Change, ...]]
"""The member before an event, the event, and what was counted because of it."""


class MemberHistory:
    """The last events of one queue, and the last removals of its members.

    Attributes:
        applied: The last events of all members, in the order of their arrival.
    """

    __slots__ = ("_removals", "applied")

    def __init__(self) -> None:
        self.applied: deque[Applied] = deque(maxlen=MAX_BATCH)
        # When each was removed, and its login time.
        self._removals: dict[str, tuple[float, int]] = {}

    def __getstate__(self) -> Any:  # noqa: ANN401 -- the signature of pickle
        # The last events would double a snapshot. A restart within a batch is rare.
        return self._removals

    def __setstate__(self, removals: dict[str, tuple[float, int]]) -> None:
        self.applied = deque(maxlen=MAX_BATCH)
        self._removals = removals

    def recheck(self, now: float) -> None:
        """Let nothing have happened in the future: the clock was set back."""
        self.applied.clear()
        self._removals = {
            interface: (min(at, now), login_time)
            for interface, (at, login_time) in self._removals.items()
        }

    def is_overtaken(self, event: MemberEvent) -> bool:
        """Return whether an event of an unknown member is older than its removal."""
        at, login_time = self._removals.get(event.interface, (-inf, 0))
        if event.at - at >= OVERTAKEN_SECONDS or isinstance(event, MemberAdded | MemberRemoved):
            return False
        return not 0 < login_time < event.login_time

    def sort(
        self, before: Member | None, event: MemberEvent
    ) -> tuple[Member | None, tuple[Change, ...]]:
        """Return the member after an event that may be older than others that arrived before.

        Returns:
            The member, or None if it is no member; and the changes that were not counted yet.
        """
        recent = self._recent(event)
        login_time = max([event.login_time, *[each.login_time for _, each, _ in recent]])
        if not recent or _is_in_order(recent, event):
            after, changes = follow(before, event)
            is_certain = bool(recent) or not contradictions(before, event)
        else:
            first = recent[0][0]
            events, is_certain = in_true_order(first, [*(each for _, each, _ in recent), event])
            after, found = first, Counter[Change]()
            for each in events:
                after, more = follow(after, each)
                found.update(more)
            found.subtract(change for *_, counted in recent for change in counted)
            changes = tuple(found.elements())
        if after is None:
            self.remember_removal(event, login_time)
        else:
            self._removals.pop(event.interface, None)
            if after.is_doubtful is is_certain:
                after = structs.replace(after, is_doubtful=not is_certain)
            if before is not None and _lacks_setting(event):
                # Asterisk 11 sends it alone, so these events do not contain it.
                after = structs.replace(after, rings_in_use=before.rings_in_use)
        return after, changes

    def _recent(self, event: MemberEvent) -> list[Applied]:
        """Return the events of the member that amid may have published in the same batch."""
        found: list[Applied] = []
        at, interface = event.at, event.interface
        for applied in reversed(self.applied):
            earlier = applied[1]
            if earlier.interface == interface:
                if abs(at - earlier.at) >= REVERSED_SECONDS or len(found) == MAX_SORTED - 1:
                    break
                at = earlier.at
                found.append(applied)
        return found[::-1]

    def remember_removal(self, event: MemberEvent, login_time: int) -> None:
        """Note that a member is gone, whose last login time was this one."""
        if len(self._removals) >= _MANY_REMOVALS:
            # To bound the memory, forget all removals if even the recent ones are too many.
            oldest = event.at - OVERTAKEN_SECONDS
            kept = {key: both for key, both in self._removals.items() if both[0] > oldest}
            self._removals = kept if len(kept) < _MANY_REMOVALS else {}
        self._removals[event.interface] = event.at, login_time


def _is_in_order(recent: list[Applied], event: MemberEvent) -> bool:
    """Return whether nothing speaks against the order of arrival; `in_true_order` is slow."""
    before: Member | MemberEvent | None = recent[0][0]
    for _, each, _ in recent:
        if contradictions(before, each):
            return False
        before = each
    return not contradictions(before, event)


def _lacks_setting(event: MemberEvent) -> bool:
    return isinstance(event, MemberRemoved) or event.rings_in_use is None
