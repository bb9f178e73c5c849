"""The callers of one server: who waits in which queue, who talks, and how each visit ended.

It turns the events of callers and their channels into facts about queues. A caller is known by
the `Uniqueid` of the channel; an attended transfer can change it.
"""

from __future__ import annotations

from dataflows.caller import Caller
from dataflows.events.queue_calls import (
    AgentConnected,
    CallCompleted,
    CallerJoined,
    CallerLeft,
    CallEvent,
    MemberDidNotAnswer,
    WaitFailed,
)
from dataflows.open_callers import OpenCallers
from dataflows.queue_facts import Fact, visits_ended
from dataflows.talks import unknown_caller
from dataflows.visits import Visits
from dataflows.waits import Result

MAX_OF_A_CALLER = 100
"""Visits and talks of one channel that are under way; more are refused. Real ones have a few."""


class Callers(OpenCallers):
    """The callers of one server, who follow the events of their calls."""

    def follow(self, event: CallEvent) -> list[Fact]:
        """Apply an event of a caller in a queue; return what follows from it."""
        name = self.channels.current(event.caller)
        if type(event) is CallCompleted:
            return self._complete(name, event)
        if type(event) is MemberDidNotAnswer:
            return []
        caller = self._admit(name, event)
        if caller is None:
            self.refused += 1
            return []
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
        return self._talks.has_ended((event.queue, event.interface), name, event.at)

    def hang_up(self, channel: str, at: float) -> list[Fact]:
        """Note that somebody hung up; return what follows if it is a caller."""
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
                facts += self._stop_waiting(visits.queue, at, began)
        for key in before.talks:
            self._talks.rename(key, old, new)
        after.talks += before.talks
        after.joined = max(after.joined, before.joined)
        self.settling.add(max([at, *(visits.latest for visits in after.visits)]), new)
        return facts + self._complete_visits(new, after)

    def _admit(self, name: str, event: CallEvent) -> Caller | None:
        """Return the caller of an event, perhaps a new one; None if a limit is reached."""
        caller = self._callers.get(name)
        if caller is None:
            return self._add(name, Caller(event.at)) if self._allocation.take() else None
        is_end = type(event) is CallerLeft and caller.of(event.queue).joins
        return caller if is_end or caller.size < MAX_OF_A_CALLER else None

    def _note(self, event: CallEvent, name: str, caller: Caller, visits: Visits) -> list[Fact]:
        at, queue = event.at, event.queue
        match event:
            case CallerJoined():
                caller.joined = max(caller.joined, at)
                return self._join(visits, at)
            case CallerLeft():
                joined = visits.leave(at)
                if joined is not None:
                    return self._stop_waiting(queue, at, [joined])
            case WaitFailed():
                visits.end(Result(at, False, event.wait, event.is_stamped))
            case AgentConnected():
                visits.end(Result(at, True, event.wait, event.is_stamped))
                key = (queue, event.interface)
                self._drop_talk(key, unknown_caller(key))
                if self._talks.begin(key, name, at):
                    caller.talks += (key,)
                    return [self._members(queue, at)]
        return []

    def _join(self, visits: Visits, at: float) -> list[Fact]:
        """Let a caller wait, unless the Leave has arrived."""
        queue, assumed = visits.queue, visits.confirm(at)
        if assumed is not None:
            self._waiting.remove(queue, [assumed])
        elif not visits.join(at):
            return []
        self._waiting.add(queue, at)
        return [self._waits(queue, at)]

    def _complete(self, name: str, event: CallCompleted) -> list[Fact]:
        """End a talk."""
        key, began = (event.queue, event.interface), event.at - (event.talk_time or 0)
        found = self._talks.end(key, name, event.at, began)
        caller = self._callers.get(found)
        if caller is None:
            return []
        caller.end_talk(key)
        self._drop_if_over(found, caller)
        return [self._members(event.queue, event.at)]
