"""What is known of each server, and why not, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from dataflows.events.agents import AgentsListed
from dataflows.events.queue_members import AgentMembersListed, MembersListed
from dataflows.events.queue_names import QueuesNamed
from dataflows.events.switchboards import SwitchboardCallsListed, SwitchboardsNamed
from dataflows.knowledge import KNOWN, KNOWN_SINCE
from dataflows.listings import ALL, Source
from dataflows.subsystems import METRICS as ALL_METRICS
from dataflows.subsystems import SUBSYSTEMS, agents, chat, endpoints, queues, services, switchboards
from dataflows.subsystems.bus import ORIGIN_INFO
from exporter.exposition.known import METRICS, Known, known
from exporter.exposition.snapshot_status import SourceStatus
from exporter.exposition.store import SeriesStore
from exporter.exposition.telemetry import BusStatus

ONE, TWO = "ca7f12ab-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"

AGENTS = replace(agents.SUBSYSTEM, listings=(AgentsListed, AgentMembersListed))
QUEUES = replace(queues.SUBSYSTEM, listings=(QueuesNamed, MembersListed))
ENDPOINTS = endpoints.SUBSYSTEM
SWITCHBOARDS = replace(switchboards.SUBSYSTEM, listings=(SwitchboardsNamed, SwitchboardCallsListed))
OURS = (AGENTS, ENDPOINTS, QUEUES, services.SUBSYSTEM, chat.SUBSYSTEM, SWITCHBOARDS)

WAITS = "waits for the next answer of the API"
NO_API = "no API is set, so the exporter knows only what events have told"
NO_CONSUL = (
    "no URL of consul is set, so the exporter knows only what events have told. A newer Wazo has "
    "no consul: there is nothing to do"
)
NO_LIST = "no API lists them, so the exporter knows only what events have told"

Since = Mapping[tuple[str, str], float]


def read(name: str = "paris", *sources: Source) -> BusStatus:
    """Return the status of a bus that is read, with some APIs."""
    asked = {source: SourceStatus() for source in sources}
    return BusStatus(name, "amqp://h", "xivo", connected=True, sources=asked)


def shown(
    since: Since, *buses: BusStatus, stalled: bool = False, bus_of: Mapping[str, str] | None = None
) -> list[Known]:
    """Return what is known of states that are complete since a time, or not at all with 0."""
    store = SeriesStore(ALL_METRICS)
    for labels, at in since.items():
        store.apply(((KNOWN.name, labels, float(at > 0)), (KNOWN_SINCE.name, labels, at)))
    if bus_of is None:
        bus_of = {origin: buses[0].name for origin, _ in since}
    infos = ((origin, bus, server_of(origin, bus, bus_of)) for origin, bus in bus_of.items())
    store.apply(tuple((ORIGIN_INFO.name, info, 1) for info in infos))
    found = known(store.columns(METRICS), buses, OURS, is_stalled=stalled)
    questions = {each.name: each.question for each in OURS}
    assert all(each.question == questions[each.subsystem] for each in found)
    return [each._replace(question="") for each in found]


def server_of(origin: str, bus: str, bus_of: Mapping[str, str]) -> str:
    is_alone = [*bus_of.values()].count(bus) == 1
    return bus if is_alone else f"{bus} ({origin[:8]})"


def reason(bus: BusStatus, subsystem: str, *, stalled: bool = False) -> str:
    found = {each.subsystem: each for each in shown({(ONE, subsystem): 0}, bus, stalled=stalled)}
    assert found[subsystem]._replace(reason="", is_normal=False) == Known("paris", subsystem, None)
    return found[subsystem].reason


def test_a_state_is_known_since_a_time() -> None:
    since = {(ONE, "queues"): 7.0, (ONE, "agents"): 5.0}
    assert shown(since, read()) == [Known("paris", "agents", 5.0), Known("paris", "queues", 7.0)]


def test_while_the_dataflow_is_stalled_nothing_is_known() -> None:
    [one] = shown({(ONE, "agents"): 5.0}, read("paris", *ALL), stalled=True)
    assert one == Known("paris", "agents", None, "the dataflow has stalled")


def test_a_bus_that_is_not_read_is_the_first_reason() -> None:
    bus = BusStatus("paris", "amqp://h", "xivo")
    assert reason(bus, "agents") == "the bus is not read"
    bus.sources = {Source.AMID: SourceStatus(problem="amid: no answer")}
    assert reason(bus, "services") == "the bus is not read"


def test_without_an_api_only_events_tell() -> None:
    assert reason(read(), "agents") == NO_API
    # An API would not help.
    assert reason(read(), "endpoints") == NO_LIST
    assert reason(read("paris", *ALL), "endpoints") == NO_LIST


def test_it_is_normal_that_a_state_which_no_api_lists_is_not_complete() -> None:
    since = {(ONE, "agents"): 0.0, (ONE, "endpoints"): 0.0, (ONE, "services"): 0.0}
    found = {each.subsystem: each.is_normal for each in shown(since, read())}
    assert found == {"agents": False, "endpoints": True, "services": True}


def test_a_server_without_consul_is_not_told_to_have_one() -> None:
    others = [source for source in ALL if source is not Source.CONSUL]
    for bus in (read(), read("paris", *others)):
        assert reason(bus, "services") == NO_CONSUL
    bus = read("paris", *ALL)
    assert reason(bus, "services") == WAITS
    # What the daemons tell is not needed.
    bus.sources[Source.STATUS].problem = "amid refused: the user lacks amid.status.read"
    assert reason(bus, "services") == WAITS
    bus.sources[Source.CONSUL].problem = "consul cannot be reached: Connection refused"
    assert reason(bus, "services") == "consul cannot be reached: Connection refused"


def test_an_api_that_is_needed_and_not_set_is_named() -> None:
    assert reason(read("paris", Source.AMID), "agents") == "the API of agentd is not set"
    chatd_alone = read("paris", Source.CHATD)
    assert reason(chatd_alone, "agents") == "the API of amid and agentd is not set"
    # The names of queues are not needed.
    assert reason(read("paris", Source.AMID), "queues") == WAITS


def test_the_problems_of_the_apis_that_are_needed_are_told() -> None:
    bus = read("paris", *ALL)
    bus.sources[Source.CHATD].problem = bus.sources[Source.CONFD].problem = "they do not need it"
    assert reason(bus, "agents") == WAITS
    bus.sources[Source.AGENTD].problem = "agentd refused: the user lacks agentd.agents.read"
    assert reason(bus, "agents") == "agentd refused: the user lacks agentd.agents.read"
    assert reason(bus, "queues") == WAITS
    bus.sources[Source.AMID].problem = "amid: no answer"
    assert reason(bus, "agents") == (
        "amid: no answer; agentd refused: the user lacks agentd.agents.read"
    )


def test_a_right_that_is_missing_for_switchboards_concerns_only_these() -> None:
    bus = read("paris", *ALL)
    assert reason(bus, "switchboards") == WAITS
    bus.sources[Source.CONFD].problem = "confd refused: the user lacks confd.switchboards.read"
    assert reason(bus, "switchboards") == "confd refused: the user lacks confd.switchboards.read"
    assert reason(bus, "queues") == WAITS


def test_a_subsystem_of_which_nothing_told_is_shown_if_its_api_has_a_problem() -> None:
    bus = read("paris", *ALL)

    def subsystems() -> list[str]:
        return [each.subsystem for each in shown({(ONE, "agents"): 5.0}, bus)]

    assert subsystems() == ["agents"]
    bus.sources[Source.AMID].problem = "amid: no answer"
    assert subsystems() == ["agents", "queues"]


@pytest.mark.parametrize(
    ("bus_of", "names"),
    [
        ({ONE: "paris"}, ["paris"]),
        ({ONE: "paris", TWO: "lyon"}, ["lyon", "paris"]),
        ({ONE: "paris", TWO: "paris"}, ["paris (00000000)", "paris (ca7f12ab)"]),
        ({}, [ONE]),
    ],
)
def test_a_server_is_named_by_its_bus_and_by_its_uuid_where_a_bus_has_several(
    bus_of: dict[str, str], names: list[str]
) -> None:
    since = {(origin, "agents"): 5.0 for origin in [*bus_of] or [ONE]}
    found = shown(since, read("paris"), read("lyon"), bus_of=bus_of)
    assert [each.server for each in found] == names


def test_in_a_cluster_another_process_may_read_the_bus() -> None:
    for bus_of in ({ONE: "paris"}, {}):
        [one] = shown({(ONE, "agents"): 0}, read("lyon"), bus_of=bus_of)
        assert one.reason == "another process of the cluster reads the bus"


def test_of_the_real_subsystems_those_with_a_state_are_told() -> None:
    since = {(ONE, each.name): 5.0 for each in SUBSYSTEMS}
    store = SeriesStore(ALL_METRICS)
    store.apply(tuple((KNOWN.name, labels, 1.0) for labels in since))
    store.apply(tuple((KNOWN_SINCE.name, labels, at) for labels, at in since.items()))
    found = known(store.columns(METRICS), [], SUBSYSTEMS, is_stalled=False)
    assert {each.subsystem for each in found} == {
        *("agents", "endpoints", "lines", "trunks", "queues", "queue_calls", "calls", "users"),
        *("services", "switchboards", "parking"),
    }
