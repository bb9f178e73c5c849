"""What the APIs of a simulated Wazo answer: those of every server, and those of chatd and calld."""

from collections.abc import Callable, Mapping, Sequence

from exporter.simulation.agents import Agent
from exporter.simulation.apis import Apis
from exporter.simulation.queues import Queue
from exporter.simulation.wazo.server import Wazo
from exporter.simulation.world import TENANT_UUID, World

Items = list[dict[str, object]]
"""A list of an API, which is an object in JSON with more than these."""


class WazoApis(Apis):
    """The lists of one server.

    Attributes:
        wazo: The true state.
    """

    def __init__(
        self,
        world: World,
        queues: Mapping[str, Queue],
        agents: Sequence[Agent],
        until: Callable[[], float],
        wazo: Wazo,
    ) -> None:
        """List the state; the other arguments are those of `Apis`."""
        super().__init__(world, queues, agents, until)
        self.wazo = wazo

    def agents(self) -> Items:
        """Return what agentd answers. It has one flag for all queues of an agent."""
        return [
            {
                **listed,
                "tenant_uuid": TENANT_UUID,
                "paused": agent.paused_for is not None,
                "paused_reason": agent.paused_for or None,
                "queues": [
                    {
                        "id": queue.number,
                        "name": queue.name,
                        "display_name": queue.name.capitalize(),
                        "logged": bool(agent.is_logged_in),
                        "paused": agent.paused_for is not None,
                        "paused_reason": agent.paused_for or None,
                    }
                    for queue in agent.queues
                ],
            }
            for agent, listed in zip(self._agents, super().agents(), strict=True)
        ]

    def presences(self) -> Items:
        """Return all users, as chatd lists them."""
        chatd = self.wazo.chatd
        return [chatd.listed(person) for person in chatd.people.values()]

    def lines(self) -> Items:
        """Return all lines, as calld lists them."""
        return [person.line.listed for person in self.wazo.chatd.people.values()]

    def trunks(self) -> Items:
        """Return all trunks, as calld lists them."""
        return [trunk.listed for trunk in self.wazo.trunks]

    def calls(self) -> Items:
        """Return the channels of lines and trunks, as calld lists them."""
        return [call.listed() for call in self.wazo.calls.legs.values()]

    def parking_lots(self) -> Items:
        """Return the parking lot with its calls, as calld lists it."""
        return self.wazo.office.parking.listed

    def switchboards(self) -> Items:
        """Return the switchboards of the configuration, as confd lists them."""
        return [self.wazo.switchboard.configuration]
