"""The callers of one server who wait or talk, and how what they do ends."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dataflows.caller import Caller
from dataflows.queue_call_metrics import Outcome
from dataflows.queue_facts import CallersWait, Fact, MembersTalk, visits_ended
from dataflows.quota import Allocation
from dataflows.recent_channels import RecentChannels
from dataflows.settling import Settling
from dataflows.talks import Key, Talks
from dataflows.waiting import Waiting
from dataflows.waits import MAX_GREETING_SECONDS, SETTLE_SECONDS, Visit

MAX_VISIT_SECONDS = 24 * 3600.0
"""A visit or a talk whose end is not seen for a day is lost."""


class OpenCallers:
    """The callers of one server of whom something is under way.

    Args:
        origin: The server.
        allocation: Each caller takes a place.

    Attributes:
        refused: Callers who were not admitted, because the quota was full.
        channels: What happened to channels lately.
        settling: Callers to look at again.
        leaving: Callers who left, and whose answer may still come.
    """

    def __init__(self, origin: str, allocation: Allocation) -> None:
        self._origin = origin
        self._allocation = allocation
        self._callers: dict[str, Caller] = {}
        # When `expire` must look at all callers, Unix seconds; or earlier.
        self._expires = inf
        self._talks = Talks()
        self._waiting = Waiting()
        self.channels = RecentChannels()
        self.settling = Settling(SETTLE_SECONDS)
        self.leaving = Settling(MAX_GREETING_SECONDS)
        self.refused = 0

    def look_again(self, at: float, name: str) -> list[Fact]:
        """Settle with what is known now what a caller did until a time, Unix seconds."""
        caller = self._callers.get(name)
        if caller is None:
            return []
        facts: list[Fact] = []
        for visits in caller.visits:
            if not (visits.leaves or visits.results or visits.gone):
                continue  # Most callers only wait.
            settled, began = visits.overdue(at, caller.hung_up, caller.ended, caller.joined)
            if any(leave.at == at for leave in visits.leaves):
                self.leaving.add(at, name)
            facts += self._stop_waiting(visits.queue, at, began)
            gone = visits.lose_gone(at - MAX_GREETING_SECONDS)
            lost = [Visit(at, Outcome.LOST, None)] * gone
            facts += visits_ended(self._origin, visits.queue, settled + lost)
        if caller.ended <= at:
            facts += self._lose(name, caller, at + SETTLE_SECONDS, inf)
        self._drop_if_over(name, caller)
        return facts

    def lose(self, at: float, until: float) -> list[Fact]:
        """Lose the visits and talks that began until a time, Unix seconds."""
        facts: list[Fact] = []
        for name, caller in [*self._callers.items()]:
            if caller.since <= until:
                facts += self._lose(name, caller, at, until)
                self._drop_if_over(name, caller)
        return facts

    def expire(self, now: float) -> list[Fact]:
        """Lose the visits and talks that are too old."""
        if now < self._expires:
            return []
        facts: list[Fact] = []
        until = now - MAX_VISIT_SECONDS
        old = [each for each in self._callers.items() if each[1].since <= until]
        for name, caller in sorted(old, key=lambda each: each[1].since):
            facts += self.look_again(now, name)
            oldest = self._oldest(name, caller)
            facts += self._lose(name, caller, min(now, oldest + MAX_VISIT_SECONDS), until)
            self._drop_if_over(name, caller)
            caller.since = self._oldest(name, caller)
        oldest = min([caller.since for caller in self._callers.values()], default=inf)
        self._expires = oldest + MAX_VISIT_SECONDS
        return facts

    def has(self, queue: str) -> bool:
        """Return whether anything is under way in a queue."""
        return any(
            visits.queue == queue and not visits.is_over
            for caller in self._callers.values()
            for visits in caller.visits
        ) or bool(self._talks.members(queue))

    @property
    def due(self) -> float:
        """When something must be settled or expires, Unix seconds; infinite for never."""
        return min(self._expires, self.settling.due, self.leaving.due)

    def correct(self, at: float, corrected: Callable[[float], float]) -> list[Fact]:
        """Correct all times, at a time in Unix seconds; return what follows."""
        for caller in self._callers.values():
            caller.correct(corrected)
        for each in (self._talks, self._waiting, self.settling, self.leaving):
            each.correct(corrected)
        self._expires = -inf
        return [self._waits(queue, at) for queue in self._waiting.queues()]

    def _add(self, name: str, caller: Caller) -> Caller:
        """Add a caller, whose channel may have ended already."""
        caller.hung_up = self.channels.hung_up_at(name)
        caller.ended = self.channels.ended_at(name)
        if caller.ended < inf:
            self.settling.add(caller.ended, name)
        self._callers[name] = caller
        self._expires = min(self._expires, caller.since + MAX_VISIT_SECONDS)
        return caller

    def _lose(self, name: str, caller: Caller, at: float, until: float) -> list[Fact]:
        """Lose what a caller began until a time and has not ended."""
        facts: list[Fact] = []
        for visits in caller.visits:
            began = visits.lose(until)
            facts += self._stop_waiting(visits.queue, at, began)
            lost = [Visit(at, Outcome.LOST, None)] * (len(began) + visits.lose_gone(until))
            facts += visits_ended(self._origin, visits.queue, lost)
        for key in dict.fromkeys(caller.talks):
            for _ in range(self._talks.drop(key, name, until)):
                caller.end_talk(key)
                facts.append(self._members(key[0], at))
        return facts

    def _oldest(self, name: str, caller: Caller) -> float:
        """Return when the oldest thing began that is under way, Unix seconds."""
        began = [at for visits in caller.visits for at in visits.joins]
        began += [talk.at for key in caller.talks for talk in self._talks.of(key, name)]
        return min(began, default=inf)

    def _drop_talk(self, key: Key, name: str) -> bool:
        """End the talks of a member with a caller; return whether there was one."""
        caller = self._callers.get(name)
        if caller is None:
            return False
        dropped = self._talks.drop(key, name, inf)
        for _ in range(dropped):
            caller.end_talk(key)
        self._drop_if_over(name, caller)
        return bool(dropped)

    def _drop_if_over(self, name: str, caller: Caller) -> None:
        if caller.is_over and self._callers.pop(name, None) is not None:
            self._allocation.release()

    def _stop_waiting(self, queue: str, at: float, joined: list[float]) -> list[Fact]:
        if not joined:
            return []
        self._waiting.remove(queue, joined)
        return [self._waits(queue, at)]

    def _waits(self, queue: str, at: float) -> Fact:
        waiting = self._waiting
        return CallersWait(self._origin, at, queue, waiting.count(queue), waiting.oldest(queue))

    def _members(self, queue: str, at: float) -> Fact:
        return MembersTalk(self._origin, at, queue, self._talks.members(queue))

    def _complete_visits(self, name: str, caller: Caller) -> list[Fact]:
        facts: list[Fact] = []
        for visits in caller.visits:
            facts += visits_ended(self._origin, visits.queue, visits.complete(caller.hung_up))
        self._drop_if_over(name, caller)
        return facts
