"""The memberships of agents, as events tell of them and as an API lists them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from dataflows.activities import Agent
from dataflows.agent_interfaces import agent_of
from dataflows.events.queue_members import MemberRemoved, MemberReported
from dataflows.memberships import Memberships
from dataflows.merging import Changed
from dataflows.queue_members import Listed
from dataflows.subsystem import State


class ListedMemberships(Memberships):
    """Memberships that also follow what an API lists."""

    __slots__ = ()

    def follow_listing(
        self,
        of: MemberRemoved,
        queues: Mapping[str, tuple[MemberReported, ...]],
        changed: Changed,
        state: State[Any],
    ) -> Iterator[tuple[Agent, Listed]]:
        """Have the members that an API lists; yield each that was different, and the agent.

        Args:
            of: The removal of a member, for those that are not listed.
            queues: The members that are agents, by name of the queue.
            changed: What events changed since the API was asked, as queue and interface.
            state: As in `apply`.
        """
        # Members who are gone first, because new ones can take their places.
        gone = [name for name in self._queues if not queues.get(name)]
        for name in [*gone, *(name for name in queues if queues[name])]:
            queue = self._queue(name, state)
            if queue is None:
                continue
            removal = structs.replace(of, queue=name)
            for each in queue.compare(removal, queues.get(name, ()), changed, state):
                interface = each.event.interface
                agent = self.agent(str(agent_of(interface)))
                self._put(agent, queue, each.event, each.after)
                agent.is_seen = False
                yield agent, each
            self._has_empty |= not queue.members
        # Of members that are gone, too; each is found again at its next event.
        self._by_interface.clear()
