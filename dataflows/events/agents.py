"""What happens to call-centre agents. Source: xivo-agentd, wazo-agentd and their confd."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from dataflows.envelope import Envelope, number_id, read
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class AgentStatus(StrEnum):
    """Status of an agent, as xivo-agentd publishes it."""

    LOGGED_IN = "logged_in"
    LOGGED_OUT = "logged_out"


class AgentStatusChanged(Event, frozen=True, gc=False):
    """An agent logged in or out."""

    agent_id: str
    status: AgentStatus


class AgentCreated(Event, frozen=True, gc=False):
    """An administrator created an agent, who is logged out."""

    agent_id: str


class AgentDeleted(Event, frozen=True, gc=False):
    """An administrator deleted an agent."""

    agent_id: str


class AgentsListed(Listing, frozen=True, gc=False):
    """All agents of a server, by their id. Source: agentd."""

    source: ClassVar[Source] = Source.AGENTD

    agents: dict[str, AgentStatus]


class _StatusUpdate(msgspec.Struct, gc=False):
    agent_id: int | str
    status: AgentStatus


class _Agent(msgspec.Struct, gc=False):
    id: int | str


_status_update = msgspec.json.Decoder(_StatusUpdate)
_agent = msgspec.json.Decoder(_Agent)


def _decode_status(envelope: Envelope) -> AgentStatusChanged:
    data = read(envelope, _status_update)
    agent_id = number_id(data.agent_id, "agent_id")
    return AgentStatusChanged(envelope.origin_uuid, envelope.at, agent_id, data.status)


def _decode_created(envelope: Envelope) -> AgentCreated:
    agent_id = number_id(read(envelope, _agent).id, "id")
    return AgentCreated(envelope.origin_uuid, envelope.at, agent_id)


def _decode_deleted(envelope: Envelope) -> AgentDeleted:
    agent_id = number_id(read(envelope, _agent).id, "id")
    return AgentDeleted(envelope.origin_uuid, envelope.at, agent_id)


DECODERS = (
    Decoder(
        "agent_status_update",
        "status.agent",
        _decode_status,
        "xivo-agentd, wazo-agentd. See the XiVO bus document; wazo-bus, agent/event.py",
    ),
    Decoder(
        "agent_created",
        "config.agent.created",
        _decode_created,
        "xivo-confd from 15.05, wazo-confd. See xivo-bus 15.20 and wazo-bus, agent/event.py",
        (Source.AGENTD,),
    ),
    Decoder(
        "agent_deleted",
        "config.agent.deleted",
        _decode_deleted,
        "xivo-confd, wazo-confd. See xivo-bus 15.20 and wazo-bus, agent/event.py",
        (Source.AGENTD,),
    ),
)
