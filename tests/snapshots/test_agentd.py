"""The agents that agentd lists."""

import json

import pytest

from dataflows.events.agents import AgentsListed, AgentStatus
from exporter.snapshots.agentd import MODULE, PATH, decode
from exporter.snapshots.source import SnapshotError
from tests.snapshots.answering import AT, ORIGIN, body, content, listings


def test_agentd_is_asked_once_for_the_agents_of_all_tenants() -> None:
    listed, asked = listings(MODULE, {PATH: body("agentd_agents")})
    assert asked == [("GET", "/1.0/agents?recurse=true", "agentd.agents.read")]
    agents = {
        "42": AgentStatus.LOGGED_IN,
        "43": AgentStatus.LOGGED_IN,
        "44": AgentStatus.LOGGED_OUT,
    }
    assert listed == (AgentsListed(ORIGIN, AT, 7, agents),)


def test_the_agents_of_an_old_xivo_are_listed_without_their_pauses() -> None:
    agents = decode(body("xivo_agentd_agents"), ORIGIN)
    assert agents == {"42": AgentStatus.LOGGED_IN, "44": AgentStatus.LOGGED_OUT}


def test_agents_of_another_server_are_left_out() -> None:
    mixed = content("agentd_agents")
    mixed[1]["origin_uuid"] = "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50"
    mixed[2]["origin_uuid"] = ORIGIN.upper()
    assert decode(json.dumps(mixed).encode(), ORIGIN).keys() == {"42", "44"}


def test_an_agent_without_an_origin_belongs_to_the_server_that_was_asked() -> None:
    agents = [{"id": 1, "logged": True}, {"id": "002", "logged": False, "origin_uuid": None}]
    assert decode(json.dumps(agents).encode(), ORIGIN).keys() == {"1", "2"}


def test_the_last_entry_of_an_agent_is_valid() -> None:
    twice = [{"id": 1, "logged": True}, {"id": "01", "logged": False}]
    assert decode(json.dumps(twice).encode(), ORIGIN) == {"1": AgentStatus.LOGGED_OUT}


def test_a_server_without_agents_lists_none() -> None:
    ((listed,), _) = listings(MODULE, {PATH: b"[]"})
    assert listed.is_empty


@pytest.mark.parametrize(
    "agent",
    [
        {"id": 1},
        {"logged": True},
        {"id": -1, "logged": True},
        {"id": "agent", "logged": True},
        {"id": True, "logged": True},
        {"id": 1, "logged": "yes"},
        {"id": 1, "logged": 1},
        {"id": 1, "logged": True, "origin_uuid": 5},
        None,
        [],
    ],
)
def test_one_agent_that_cannot_be_read_makes_the_answer_malformed(agent: object) -> None:
    agents = [{"id": 1, "logged": True}, agent]
    with pytest.raises(SnapshotError, match=r"^agentd: the answer is not as expected$"):
        decode(json.dumps(agents).encode(), ORIGIN)
