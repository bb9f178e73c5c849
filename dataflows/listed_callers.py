"""The callers of one server, as events tell of them and as an API lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

from dataflows.caller import Caller
from dataflows.callers import Callers
from dataflows.events.queue_calls import (
    AgentConnected,
    CallCompleted,
    CallEvent,
    ListedQueue,
    MemberDidNotAnswer,
)
from dataflows.knowledge import Drift
from dataflows.merging import Changed
from dataflows.queue_facts import Fact
from dataflows.talks import Key, unknown_caller

_WAIT, _TALK = "wait", "talk"


class ListedCallers(Callers):
    """Callers that also follow what an API lists.

    Events that were sent before the answer may still arrive; then they count as always.
    """

    def note(self, event: CallEvent, changed: Changed) -> None:
        """Note which wait and which talk an event changes, while the API is asked.

        Other events of a caller do not say whether the caller waits.
        """
        if not isinstance(event, MemberDidNotAnswer | CallCompleted):
            changed.add((event.queue, _WAIT, event.caller))
        if isinstance(event, AgentConnected | CallCompleted):
            changed.add((event.queue, _TALK, event.interface))

    def follow_listing(
        self, queues: Iterable[ListedQueue], at: float, changed: Changed
    ) -> tuple[list[Fact], Counter[Drift]]:
        """Have the waits and talks that an API lists, except those that events changed since.

        Args:
            queues: All queues of the server.
            at: When the answer came, Unix seconds.
            changed: What events changed since the API was asked.

        Returns:
            What follows from it, and how much was different.
        """
        queues, drift = [*queues], Counter[Drift]()
        waits = {
            (each.queue, self.channels.current(caller.channel)): at - caller.wait
            for each in queues
            for caller in each.callers
        }
        kept = {
            (queue, self.channels.current(name)) for queue, kind, name in changed if kind == _WAIT
        }
        facts = self._end_waits(waits.keys(), kept, at, drift)
        for key in waits.keys() - kept:
            facts += self._assume_wait(*key, waits[key], at, drift)
        talks = {(each.queue, interface) for each in queues for interface in each.talking}
        kept = {(queue, name) for queue, kind, name in changed if kind == _TALK}
        known = {*self._talks.keys()}
        for key in known - talks - kept:
            facts += self._end_talk(key, at, drift)
        for key in talks - known - kept:
            facts += self._assume_talk(key, at, drift)
        return facts, drift

    def _end_waits(
        self, listed: Set[Key], kept: set[Key], at: float, drift: Counter[Drift]
    ) -> list[Fact]:
        facts: list[Fact] = []
        for name, caller in self._callers.items():
            for visits in caller.visits:
                key = (visits.queue, name)
                began = [] if key in kept else visits.vanish(at, keep=key in listed)
                if began:
                    drift[Drift.REMOVED] += len(began)
                    self.leaving.add(at, name)
                    facts += self._stop_waiting(visits.queue, at, began)
        return facts

    def _assume_wait(
        self, queue: str, name: str, joined: float, at: float, drift: Counter[Drift]
    ) -> list[Fact]:
        caller = self._admit_listed(name, joined)
        if caller is None or (visits := caller.of(queue)).joins:
            return []
        drift[Drift.ADDED] += 1
        visits.assume(joined)
        caller.since = min(caller.since, joined)
        caller.joined = max(caller.joined, joined)
        self._waiting.add(queue, joined)
        return [self._waits(queue, at)]

    def _end_talk(self, key: Key, at: float, drift: Counter[Drift]) -> list[Fact]:
        drift[Drift.REMOVED] += 1
        for name in self._talks.callers(key):
            self._drop_talk(key, name)
        return [self._members(key[0], at)]

    def _assume_talk(self, key: Key, at: float, drift: Counter[Drift]) -> list[Fact]:
        name = unknown_caller(key)
        caller = self._admit_listed(name, at)
        if caller is None:
            return []
        if not self._talks.begin(key, name, at):
            self._drop_if_over(name, caller)
            return []
        drift[Drift.ADDED] += 1
        caller.talks += (key,)
        return [self._members(key[0], at)]

    def _admit_listed(self, name: str, since: float) -> Caller | None:
        caller = self._callers.get(name)
        if caller is None and self._allocation.take():
            caller = self._add(name, Caller(since))
        self.refused += caller is None
        return caller
