"""Asks xivo-agentd or wazo-agentd which agents are logged in.

    [{"id": 42, "origin_uuid": "6a1f…", "number": "1042", "logged": true, …}]

If an agent is listed twice, the last entry is valid. The pauses of agents are not read here:
Asterisk tells them for each queue (`exporter/snapshots/amid.py`).
"""

from __future__ import annotations

import msgspec

from dataflows.envelope import number_id
from dataflows.events.agents import AgentsListed, AgentStatus
from dataflows.listings import Listing, Source
from exporter.snapshots.bounded_json import bounded, read
from exporter.snapshots.source import Ask, Request, SourceModule

PATH = "/1.0/agents?recurse=true"
RIGHT = "agentd.agents.read"


class _Agent(msgspec.Struct, gc=False):
    id: int | str
    logged: bool
    origin_uuid: str | None = None


_agents = msgspec.json.Decoder(list[_Agent])


def decode(body: bytes, origin: str) -> dict[str, AgentStatus]:
    """Return the status of all agents of a server, by their id.

    Args:
        body: The answer of agentd.
        origin: The server. Agents of others, which one agentd may list too, are left out.

    Raises:
        SnapshotError: The answer is not as expected.
    """

    def agents(body: bytes) -> dict[str, AgentStatus]:
        listed = _agents.decode(body)
        bounded(Source.AGENTD, len(listed))
        return {
            number_id(agent.id, "id"): (
                AgentStatus.LOGGED_IN if agent.logged else AgentStatus.LOGGED_OUT
            )
            for agent in listed
            if not agent.origin_uuid or agent.origin_uuid.casefold() == origin.casefold()
        }

    return read(Source.AGENTD, body, agents)


async def _listings(ask: Ask, request: Request) -> tuple[Listing, ...]:
    body = await ask("GET", PATH, right=RIGHT)
    at = request.clock()
    agents = decode(body, request.origin)
    return (AgentsListed(request.origin, at, request.number, agents),)


MODULE = SourceModule(Source.AGENTD, _listings)
