"""The callers of one server: who waits in which queue, who talks, and how each visit ended.

It turns the events of callers and their channels into facts about queues. A caller is known by
the `Uniqueid` of the channel; an attended transfer can change it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from dataflows.caller import Caller
from dataflows.events.queue_calls import (
    AgentConnected,
    CallCompleted,
    CallerJoined,
    CallerLeft,
    CallEvent,
    WaitFailed,
)
from dataflows.queue_call_metrics import Outcome
from dataflows.queue_facts import Fact, MembersTalk, WaitBegan, visits_ended, waits_ended
from dataflows.quota import Allocation
from dataflows.recent_channels import RecentChannels
from dataflows.settling import Settling
from dataflows.talks import Talks
from dataflows.visits import Visits
from dataflows.waits import MAX_GREETING_SECONDS, SETTLE_SECONDS, Result, Visit

MAX_VISIT_SECONDS = 24 * 3600.0
"""A visit or a talk whose end is not seen for a day is lost."""


class Callers:
    """All callers of one server.

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
        self._callers: dict[str, Caller] = {}  # in the order of `since`
        self._talks = Talks()
        self.channels = RecentChannels()
        self.settling = Settling(SETTLE_SECONDS)
        self.leaving = Settling(MAX_GREETING_SECONDS)
        self.refused = 0

    def follow(self, event: CallEvent) -> list[Fact]:
        """Apply an event of a caller in a queue; return the facts that follow from it."""
        name = self.channels.current(event.caller)
        if type(event) is CallCompleted:
            return self._complete(name, event)
        caller = self._callers.get(name)
        if caller is None:
            if not self._allocation.take():
                self.refused += 1
                return []
            caller = self._add(name, Caller(event.at))
        visits = caller.of(event.queue)
        facts = self._note(event, name, caller, visits)
        if visits.leaves:
            facts += visits_ended(self._origin, event.queue, visits.complete(caller.hung_up))
        if visits.leaves or visits.results:
            self.settling.add(event.at, name)
        elif not visits.joins:
            self._drop_if_over(name, caller)
        return facts

    def is_repeated(self, event: CallEvent) -> bool:
        """Return whether an event is the second end of a talk."""
        if type(event) is not CallCompleted:
            return False
        name = self.channels.current(event.caller)
        return self._talks.has_ended(event.queue, event.interface, name, event.at)

    def hang_up(self, channel: str, at: float) -> list[Fact]:
        """Note that somebody hung up; return the facts that follow if it is a caller."""
        self.channels.hang_up(channel, at)
        caller = self._callers.get(channel)
        if caller is None:
            return []
        caller.hung_up = at
        return self._complete_visits(channel, caller)

    def end(self, channel: str, at: float) -> None:
        """Note that a channel ended: a moment later, a caller neither waits nor talks."""
        self.channels.end(channel, at)
        caller = self._callers.get(channel)
        if caller is not None:
            caller.ended = at
            self.settling.add(at, channel)

    def transfer(self, old: str, by: str, at: float) -> list[Fact]:
        """Let a caller take over the visits of the channel that transferred it."""
        new = self.channels.replace(old, by)
        before = None if new == old else self._callers.pop(old, None)
        if before is None:
            return []
        facts: list[Fact] = []
        after = self._callers.get(new)
        if after is None:
            after = self._add(new, Caller(before.since, before.visits))
        else:
            self._allocation.release()
            for visits in before.visits:
                began = after.of(visits.queue).absorb(visits)
                facts += waits_ended(self._origin, visits.queue, at, began)
        after.talks += before.talks
        after.joined = max(after.joined, before.joined)
        self._talks.rename(old, new)
        self.settling.add(at, new)
        return facts + self._complete_visits(new, after)

    def look_again(self, at: float, name: str) -> list[Fact]:
        """Settle with what is known now what a caller did until a time, Unix seconds."""
        caller = self._callers.get(name)
        if caller is None:
            return []
        facts: list[Fact] = []
        for visits in caller.visits:
            settled, began = visits.overdue(at, caller.hung_up, caller.ended, caller.joined)
            if any(leave.at == at for leave in visits.leaves):
                self.leaving.add(at, name)
            facts += waits_ended(self._origin, visits.queue, at, began)
            facts += visits_ended(self._origin, visits.queue, settled)
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
        facts: list[Fact] = []
        while self._callers:
            name, caller = next(iter(self._callers.items()))
            if caller.since + MAX_VISIT_SECONDS > now:
                break
            facts += self._lose(name, caller, now, now - MAX_VISIT_SECONDS)
            self._drop_if_over(name, caller)
            if name in self._callers:
                # It has something newer.
                caller.since = now
                self._callers[name] = self._callers.pop(name)
        return facts

    @property
    def due(self) -> float:
        """When something must be settled or expires, Unix seconds; infinite for never."""
        first = next(iter(self._callers.values()), None)
        expires = inf if first is None else first.since + MAX_VISIT_SECONDS
        return min(expires, self.settling.due, self.leaving.due)

    def correct(self, corrected: Callable[[float], float]) -> None:
        """Correct all times."""
        for caller in self._callers.values():
            caller.correct(corrected)
        self._talks.correct(corrected)
        self.settling.correct(corrected)
        self.leaving.correct(corrected)

    def _add(self, name: str, caller: Caller) -> Caller:
        """Add a caller, whose channel may have ended already."""
        caller.hung_up = self.channels.hung_up_at(name)
        caller.ended = self.channels.ended_at(name)
        if caller.ended < inf:
            self.settling.add(caller.ended, name)
        self._callers[name] = caller
        return caller

    def _note(self, event: CallEvent, name: str, caller: Caller, visits: Visits) -> list[Fact]:
        match event:
            case CallerJoined():
                caller.joined = max(caller.joined, event.at)
                if visits.join(event.at):
                    return [WaitBegan(self._origin, event.at, event.queue)]
            case CallerLeft():
                joined = visits.leave(event.at)
                if joined is not None:
                    return waits_ended(self._origin, event.queue, event.at, [joined])
            case WaitFailed():
                visits.end(Result(event.at, is_answer=False, wait=event.wait))
            case AgentConnected():
                visits.end(Result(event.at, is_answer=True, wait=event.wait))
                return self._talk(name, caller, event)
        return []

    def _talk(self, name: str, caller: Caller, event: AgentConnected) -> list[Fact]:
        """Begin a talk."""
        if not self._talks.begin(event.queue, event.interface, name, event.at):
            return []
        caller.talks += 1
        return [self._members(event.queue, event.at)]

    def _complete(self, name: str, event: CallCompleted) -> list[Fact]:
        """End a talk."""
        began = event.at - (event.talk_time or 0)
        found = self._talks.end(event.queue, event.interface, name, event.at, began)
        caller = self._callers.get(found)
        if caller is None:
            return []
        caller.talks -= 1
        self._drop_if_over(found, caller)
        return [self._members(event.queue, event.at)]

    def _complete_visits(self, name: str, caller: Caller) -> list[Fact]:
        facts: list[Fact] = []
        for visits in caller.visits:
            facts += visits_ended(self._origin, visits.queue, visits.complete(caller.hung_up))
        self._drop_if_over(name, caller)
        return facts

    def _lose(self, name: str, caller: Caller, at: float, until: float) -> list[Fact]:
        """Lose what a caller began until a time and has not ended."""
        facts: list[Fact] = []
        for visits in caller.visits:
            began = visits.lose(until)
            facts += waits_ended(self._origin, visits.queue, at, began)
            lost = [Visit(at, Outcome.LOST, None)] * len(began)
            facts += visits_ended(self._origin, visits.queue, lost)
        if caller.talks:
            for queue in self._talks.drop(name, until):
                caller.talks -= 1
                facts.append(self._members(queue, at))
        return facts

    def _drop_if_over(self, name: str, caller: Caller) -> None:
        if caller.is_over and self._callers.pop(name, None) is not None:
            self._allocation.release()

    def _members(self, queue: str, at: float) -> Fact:
        return MembersTalk(self._origin, at, queue, self._talks.members(queue))
