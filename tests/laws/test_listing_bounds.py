"""What answers of APIs must not do: take places, hide a server, or tell of the future."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from msgspec.structs import replace

from dataflows.events.agents import AgentsListed, AgentStatus
from dataflows.events.queue_calls import CallersListed, ListedQueue
from dataflows.events.queue_members import (
    AgentMembersListed,
    DeviceState,
    MemberReported,
    Membership,
    MembersListed,
)
from dataflows.events.queue_names import QueueKind, QueueName, QueuesNamed
from dataflows.items import (
    ClockSetBack,
    Opened,
    ReadingContinued,
    SnapshotBegun,
    SnapshotFailed,
    SnapshotTaken,
    arrived_by,
)
from dataflows.listings import Listing, Source
from dataflows.metric import Histogram
from dataflows.parts import MAX_PARTS
from tests.corpus import ORIGIN, event
from tests.pipeline import Pipeline

BUS = "default"
PHONE = "local/id-{}@agentcallback"


class Exporter(Pipeline):
    """A pipeline that gets answers of APIs."""

    count = 0

    def open(self, *buses: str) -> None:
        for bus in buses:
            self.take([Opened(bus, self.now), ReadingContinued(bus)])

    def ask(self, source: Source, bus: str = BUS) -> int:
        self.count += 1
        self.take([SnapshotBegun(bus, self.now, ORIGIN, source, self.count)])
        return self.count

    def answer(self, source: Source, *listings: Listing, bus: str = BUS) -> None:
        number = listings[0].number
        at = listings[0].at
        self.take([arrived_by(SnapshotTaken(bus, at, ORIGIN, source, number, listings), self.now)])

    def list_agents(self, agents: Iterable[int], bus: str = BUS) -> None:
        number = self.ask(Source.AGENTD, bus)
        self.answer(Source.AGENTD, agents_listed(self.now, number, agents), bus=bus)

    def list_members(self, queues: Mapping[str, Iterable[str]]) -> None:
        number = self.ask(Source.AMID)
        self.answer(Source.AMID, *members_listed(self.now, number, queues))

    def hear(self, agent: int, status: str, bus: str = BUS) -> None:
        message = event("agent_status_update", {"agent_id": agent, "status": status})
        self.take([replace(message.delivery(arrived=self.now), bus=bus)])

    def sum(self, metric: str) -> float:
        found = (value for (name, _), value in self.series().items() if name == metric)
        return sum(value for value in found if isinstance(value, float | int))


def agents_listed(at: float, number: int, agents: Iterable[int]) -> AgentsListed:
    return AgentsListed(ORIGIN, at, number, {str(each): AgentStatus.LOGGED_IN for each in agents})


def members_listed(
    at: float, number: int, queues: Mapping[str, Iterable[str]]
) -> tuple[Listing, ...]:
    reports = {
        name: tuple(
            MemberReported(
                ORIGIN, at, name, each, False, DeviceState.NOT_IN_USE, Membership.DYNAMIC
            )
            for each in members
        )
        for name, members in queues.items()
    }
    agents = {
        name: tuple(each for each in members if each.interface.startswith("local"))
        for name, members in reports.items()
    }
    return (
        MembersListed(ORIGIN, at, number, reports),
        AgentMembersListed(ORIGIN, at, number, agents),
        CallersListed(ORIGIN, at, number, tuple(ListedQueue(name, 0, (), ()) for name in queues)),
    )


@pytest.mark.parametrize("is_amid_first", [True, False])
def test_an_agent_who_is_first_listed_is_shown_with_the_activity(is_amid_first: bool) -> None:
    exporter = Exporter(details=["agents"])
    exporter.open(BUS)
    if is_amid_first:
        exporter.list_members({"support": [PHONE.format(1)]})
    exporter.list_agents([1, 2])
    exporter.list_members({"support": [PHONE.format(1)]})
    assert exporter.value("xivo_agent_activity", ORIGIN, "1", "available")
    assert exporter.value("xivo_agent_activity", ORIGIN, "2", "unknown")
    exporter.list_agents([1])
    assert exporter.value("xivo_agent_activity", ORIGIN, "2", "unknown") is None
    assert exporter.value("xivo_agent_logged_in", ORIGIN, "2") is None


def test_what_is_listed_takes_the_places_of_what_is_not() -> None:
    exporter = Exporter(max_entities=2)
    exporter.open(BUS)
    exporter.list_agents([1, 2])
    exporter.list_members({"support": ["sip/a", "sip/b"]})
    exporter.list_agents([3, 4])
    exporter.list_members({"support": ["sip/c", "sip/d"]})
    assert exporter.sum("xivo_agents") == 2
    assert exporter.sum("xivo_queue_members") == 2
    exporter.list_members({"sales": ["sip/e", "sip/f"]})
    assert exporter.value("xivo_queue_members", "sales", "dynamic") == 2
    assert exporter.refused == {}


def test_queues_that_are_listed_take_the_places_of_those_that_are_not() -> None:
    exporter = Exporter(windows="")
    exporter.open(BUS)
    for prefix in ("a", "b"):
        exporter.list_members({f"{prefix}{number}": ["sip/a"] for number in range(MAX_PARTS)})
    assert exporter.refused == {}
    for metric in ("xivo_queue_members_available", "xivo_queue_callers_waiting"):
        queues = {labels[1] for name, labels in exporter.series() if name == metric}
        assert queues == {f"b{number}" for number in range(MAX_PARTS)}


def test_what_is_new_in_an_answer_does_not_make_up_for_what_it_lacks() -> None:
    exporter = Exporter()
    exporter.open(BUS)
    for agent in range(1, 11):
        exporter.hear(agent, "logged_in")
    # The agents of the master tenant, without those of the tenant of which events tell.
    exporter.list_agents(range(101, 121))
    assert exporter.sum("xivo_agents") == 30
    exporter.list_members({})
    assert exporter.value("xivo_state_known", "agents") == 0


def test_a_server_belongs_to_the_bus_that_carries_it_whatever_api_told_of_it_first() -> None:
    exporter = Exporter()
    exporter.open("paris", "lyon")
    # The API of Paris is that of Lyon by mistake.
    exporter.list_agents([1], "paris")
    assert exporter.value("xivo_origin_info", ORIGIN, "paris", "paris") == 1
    exporter.hear(1, "logged_out", "lyon")
    exporter.hear(2, "logged_in", "lyon")
    assert exporter.value("xivo_origin_info", ORIGIN, "lyon", "lyon") == 1
    assert exporter.value("xivo_agents", "logged_in") == 1
    assert exporter.value("xivo_agents", "logged_out") == 1
    exporter.list_agents([1, 2, 3], "paris")
    assert exporter.sum("xivo_agents") == 2
    exporter.list_agents([1, 2, 3], "lyon")
    assert exporter.sum("xivo_agents") == 3
    exporter.hear(3, "logged_out", "lyon")
    assert exporter.value("xivo_agents", "logged_out") == 1


def test_an_api_tells_first_and_then_the_same_bus() -> None:
    exporter = Exporter()
    exporter.open(BUS)
    exporter.list_agents([1])
    exporter.restart()
    exporter.open(BUS)
    exporter.hear(1, "logged_out")
    assert exporter.value("xivo_agents", "logged_out") == 1
    assert exporter.sum("xivo_agents") == 1


def test_an_answer_is_not_in_the_future_after_the_clock_was_set_back() -> None:
    exporter = Exporter()
    exporter.open(BUS)
    agentd, amid = exporter.ask(Source.AGENTD), exporter.ask(Source.AMID)
    agents = agents_listed(exporter.now, agentd, [1])
    members = members_listed(exporter.now, amid, {"support": [PHONE.format(1)]})
    exporter.now -= 3600
    exporter.take([ClockSetBack(BUS, exporter.now)])
    exporter.answer(Source.AGENTD, agents)
    exporter.answer(Source.AMID, *members)
    since = exporter.value("xivo_state_known_since_timestamp_seconds", "agents")
    assert since == exporter.now
    for listing in members_listed(exporter.now + 9, 1, {"support": ["sip/a"]}):
        moved = listing.moved_to(exporter.now)
        assert moved.at == exporter.now
        assert str(exporter.now + 9) not in repr(moved)


def test_requests_are_not_in_the_future_after_the_clock_was_set_back() -> None:
    for kind in (SnapshotBegun, SnapshotFailed):
        item = kind(BUS, 100.0, ORIGIN, Source.AMID, 1)
        assert arrived_by(item, 90.0).at == 90.0
        assert arrived_by(item, 110.0) is item


def test_a_queue_has_one_name() -> None:
    exporter = Exporter()
    exporter.open(BUS)
    number = exporter.ask(Source.CONFD)
    names = [QueueName("q", "1", kind, kind.value.title(), "") for kind in QueueKind]
    exporter.answer(Source.CONFD, QueuesNamed(ORIGIN, exporter.now, number, tuple(names)))
    shown = [labels for name, labels in exporter.series() if name == "xivo_queue_info"]
    assert shown == [(ORIGIN, "q", "Group", "group", "")]


@pytest.mark.parametrize(("is_paused", "count"), [(True, 1), (False, 0)])
def test_an_answer_that_says_the_same_of_a_pause_does_not_hide_its_length(
    is_paused: bool, count: int
) -> None:
    exporter = Exporter()
    exporter.open(BUS)
    exporter.list_agents([1])
    exporter.list_members({"support": [PHONE.format(1)]})
    pause = {"Queue": "support", "Interface": PHONE.format(1), "Status": "1"}
    exporter.send(event("QueueMemberPause", {**pause, "Paused": "1", "Reason": "lunch"}))
    exporter.wait(60)
    number = exporter.ask(Source.AMID)
    members, agents, calls = members_listed(exporter.now, number, {"support": [PHONE.format(1)]})
    assert isinstance(agents, AgentMembersListed)
    # A call ended without an event.
    [report] = agents.queues["support"]
    report = replace(report, paused=is_paused, last_call=1_700_000_000, reason="lunch")
    agents = replace(agents, queues={"support": (report,)})
    exporter.answer(Source.AMID, members, agents, calls)
    exporter.wait(60)
    exporter.send(event("QueueMemberPause", {**pause, "Paused": "0", "Reason": ""}))
    pauses = exporter.value("xivo_agent_pause_duration_seconds", "other")
    assert isinstance(pauses, Histogram)
    assert sum(pauses.counts) == count
