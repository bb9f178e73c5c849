"""The thread of the snapshots, against a real server."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from dataflows.events.services import ComponentsListed
from dataflows.items import SnapshotBegun, SnapshotFailed, SnapshotTaken
from dataflows.listings import Listing, Source
from exporter.clock import wall_clock
from exporter.exposition.snapshot_status import SnapshotOutcome, SourceStatuses
from exporter.snapshots import status
from exporter.snapshots.client import Client, Server
from exporter.snapshots.snapshotter import Snapshotter
from exporter.snapshots.source import Ask, Request, SnapshotError, SourceModule
from exporter.snapshots.source_loop import Pace, SnapshotBus
from tests.snapshots.clients import credentials
from tests.snapshots.server import AGENTS, ORIGIN, PASSWORD, Apis, endless, reply, serving, silent
from tests.support import eventually, within

QUICK = Pace(gather=0.01, shortest=0.05, settle=0.05, poll=0.01)
# Nothing is asked again in the time of a test, except for a reason.
NEVER = 3600.0
PRESENCES = "/chatd/1.0/users/presences"

Item = SnapshotBegun | SnapshotTaken | SnapshotFailed


class AgentsListed(Listing, frozen=True, gc=False):
    """What a test source lists."""

    source = Source.AGENTD
    size: int = 0


class UsersListed(Listing, frozen=True, gc=False):
    """What the other one lists."""

    source = Source.CHATD
    size: int = 0


async def list_agents(ask: Ask, request: Request) -> tuple[Listing, ...]:
    content = await ask("GET", "/1.0/agents?recurse=true", right="agentd.agents.read")
    return (AgentsListed(request.origin, request.clock(), request.number, len(content)),)


async def list_users(ask: Ask, request: Request) -> tuple[Listing, ...]:
    content = await ask("GET", "/1.0/users/presences", right="chatd.users.presences.read")
    return (UsersListed(request.origin, request.clock(), request.number, len(content)),)


async def fail(ask: Ask, request: Request) -> tuple[Listing, ...]:
    raise KeyError(PASSWORD)


AGENTD = SourceModule(Source.AGENTD, list_agents)
CHATD = SourceModule(Source.CHATD, list_users)
BROKEN = SourceModule(Source.AMID, fail)


@dataclass
class Bus:
    """A bus of a test, and what was put into it."""

    name: str = "bus"
    items: list[Item] = field(default_factory=list)
    is_read: bool = True
    looks: int = 0
    statuses: SourceStatuses = field(default_factory=dict)
    fallback: str | None = None

    def described(
        self,
        apis: Apis,
        modules: tuple[SourceModule, ...],
        interval: float = NEVER,
        seconds: float = 20.0,
    ) -> SnapshotBus:
        client = Client(Server(credentials, apis.url), wall_clock, seconds=seconds)
        return SnapshotBus(
            name=self.name,
            put=self.items.append,
            is_read=self._look,
            statuses=self.statuses,
            client=client,
            modules=modules,
            interval=interval,
            fallback_origin=lambda: self.fallback,
        )

    def _look(self) -> bool:
        self.looks += 1
        return self.is_read

    def of(self, kind: type[Item], source: Source = Source.AGENTD) -> list[Item]:
        return [item for item in self.items if type(item) is kind and item.source is source]

    def has(self, kind: type[Item], source: Source = Source.AGENTD, count: int = 1) -> None:
        eventually(lambda: len(self.of(kind, source)) >= count, interval=0.01)

    def outcome(self, outcome: SnapshotOutcome, source: Source = Source.AGENTD) -> None:
        eventually(lambda: self.statuses[source].outcomes[outcome], interval=0.01)

    def is_in_order(self) -> bool:
        """Whether each request of a source began, and then ended, before the next one began."""
        for source in Source:
            items = [item for item in self.items if item.source is source]
            for begun, ended in zip(items[::2], items[1::2], strict=True):
                if type(begun) is not SnapshotBegun or type(ended) is SnapshotBegun:
                    return False
                if (begun.number, begun.origin) != (ended.number, ended.origin):
                    return False
        numbers = [item.number for item in self.items if type(item) is SnapshotBegun]
        return len(numbers) == len(set(numbers))


@pytest.fixture
def apis() -> Iterator[Apis]:
    with serving() as running:
        yield running


@contextmanager
def running(*buses: SnapshotBus, pace: Pace = QUICK) -> Iterator[Snapshotter]:
    snapshotter = Snapshotter(buses, wall_clock, pace)
    snapshotter.start()
    try:
        yield snapshotter
    finally:
        with within(5):
            snapshotter.stop(60)
        assert not [each for each in threading.enumerate() if each.name == "snapshots"]


def test_a_problem_with_a_part_of_an_answer_is_told_and_the_rest_is_used(apis: Apis) -> None:
    bus = Bus()
    apis.behaviours["/amid/1.0/status"] = reply(502)
    apis.behaviours["/chatd/1.0/status"] = reply(200, b'{"rest_api": {"status": "ok"}}')
    with running(bus.described(apis, (status.module(("amid", "calld", "chatd")),))):
        bus.has(SnapshotTaken, Source.STATUS)
    told = bus.statuses[Source.STATUS]
    assert (told.outcomes[SnapshotOutcome.OK], told.problem) == (1, "amid failed (502)")
    [taken] = bus.of(SnapshotTaken, Source.STATUS)
    assert isinstance(taken, SnapshotTaken)
    [listed] = taken.listings
    assert isinstance(listed, ComponentsListed)
    assert listed.components == {
        "amid": {"api": False},
        "chatd": {"api": True, "rest_api": True},
    }


def test_a_snapshot_begins_before_it_is_asked_for_and_is_taken_after_it_settled(
    apis: Apis,
) -> None:
    bus = Bus()
    asked: list[Item] = []

    async def note(request: object, writer: asyncio.StreamWriter) -> None:
        asked.extend(bus.items)
        await reply(200, b"[]")(request, writer)  # type: ignore[arg-type]  # as it came

    apis.behaviours[AGENTS] = note
    with running(bus.described(apis, (AGENTD,)), pace=QUICK._replace(settle=0.5)):
        bus.has(SnapshotTaken)
    begun, taken = bus.items
    assert asked == [begun]
    assert isinstance(taken, SnapshotTaken)
    assert (taken.bus, taken.origin, taken.source) == ("bus", ORIGIN, Source.AGENTD)
    assert taken.listings == (AgentsListed(ORIGIN, taken.listings[0].at, begun.number, 2),)
    # Its time is that of the answer.
    assert begun.at <= taken.listings[0].at <= taken.at
    assert wall_clock() - taken.at >= 0.5
    status = bus.statuses[Source.AGENTD]
    assert status.outcomes[SnapshotOutcome.OK] == 1
    assert (status.problem, status.last_success_at) == ("", taken.at)
    assert status.duration > 0


def test_the_sources_of_all_buses_share_a_thread_and_each_bus_has_a_token(apis: Apis) -> None:
    first, second = Bus("first"), Bus("second")
    modules = (AGENTD, CHATD)
    with running(first.described(apis, modules), second.described(apis, modules)):
        for bus in (first, second):
            for source in (Source.AGENTD, Source.CHATD):
                bus.has(SnapshotTaken, source)
    assert len(apis.issued) == 2
    # At the stop they are deleted.
    assert not apis.tokens
    assert first.is_in_order()
    assert second.is_in_order()


def test_a_source_is_asked_at_intervals(apis: Apis) -> None:
    bus = Bus()
    with running(bus.described(apis, (AGENTD,), interval=0.1)):
        bus.has(SnapshotTaken, count=3)
    assert bus.is_in_order()
    assert len(apis.issued) == 1


def test_a_source_is_asked_for_a_reason_and_others_are_not(apis: Apis) -> None:
    bus = Bus()
    with running(bus.described(apis, (AGENTD, CHATD))) as snapshotter:
        bus.has(SnapshotTaken)
        bus.has(SnapshotTaken, Source.CHATD)
        snapshotter.ask("bus", (Source.AGENTD, Source.CONFD))
        snapshotter.ask("another", (Source.CHATD,))
        bus.has(SnapshotTaken, count=2)
    assert len(bus.of(SnapshotBegun, Source.CHATD)) == 1


def test_nothing_is_asked_while_the_bus_is_not_read(apis: Apis) -> None:
    bus = Bus(is_read=False)
    with running(bus.described(apis, (AGENTD,))) as snapshotter:
        snapshotter.ask("bus", (Source.AGENTD,))
        eventually(lambda: bus.looks > 20, interval=0.01)
        assert not apis.requests
        bus.is_read = True
        bus.has(SnapshotTaken)
    assert len(bus.of(SnapshotBegun)) == 1


def test_an_answer_after_the_bus_stopped_is_not_used_but_the_next_one_is(apis: Apis) -> None:
    bus = Bus()

    async def stop(request: object, writer: asyncio.StreamWriter) -> None:
        bus.is_read = False
        await reply(200, b"[]")(request, writer)  # type: ignore[arg-type]  # as it came

    apis.behaviours[AGENTS] = stop
    with running(bus.described(apis, (AGENTD,))):
        bus.has(SnapshotFailed)
        del apis.behaviours[AGENTS]
        bus.is_read = True
        bus.has(SnapshotTaken)
    assert bus.is_in_order()


def test_a_failing_source_leaves_the_others_alone_and_heals(apis: Apis) -> None:
    bus = Bus()
    apis.behaviours[AGENTS] = reply(503)
    modules = (AGENTD, CHATD, BROKEN)
    with capture_logs() as logged, running(bus.described(apis, modules, interval=0.1)):
        bus.has(SnapshotFailed, count=3)
        bus.has(SnapshotFailed, Source.AMID, count=3)
        bus.has(SnapshotTaken, Source.CHATD, count=3)
        del apis.behaviours[AGENTS]
        bus.has(SnapshotTaken)
    assert bus.is_in_order()
    agentd = [(each["log_level"], each["event"], each.get("problem")) for each in logged]
    agentd = [each for each, line in zip(agentd, logged, strict=True) if line["source"] == "agentd"]
    # Once each, however often it failed.
    assert agentd == [
        ("warning", "cannot get the state from the API", "agentd is not ready (503)"),
        ("info", "the API tells the state again", None),
    ]
    (amid,) = [each for each in logged if each["source"] == "amid"]
    assert amid["problem"] == "internal error of the exporter (KeyError)"
    assert "test_snapshotter.py" in amid["where"]
    assert bus.statuses[Source.AMID].problem == amid["problem"]
    assert bus.statuses[Source.AMID].outcomes[SnapshotOutcome.MALFORMED] >= 3
    assert bus.statuses[Source.AGENTD].problem == ""


def test_a_right_that_is_missing_is_shown(apis: Apis) -> None:
    bus = Bus()
    apis.rights.remove("agentd.agents.read")
    with running(bus.described(apis, (AGENTD,))):
        bus.outcome(SnapshotOutcome.REFUSED)
    problem = "agentd refused: the user lacks agentd.agents.read"
    assert bus.statuses[Source.AGENTD].problem == problem
    assert bus.statuses[Source.AGENTD].last_success_at == 0


def test_a_part_of_the_lists_is_used_and_what_is_refused_is_told(apis: Apis) -> None:
    async def some(ask: Ask, request: Request) -> tuple[Listing, ...]:
        listings = await list_agents(ask, request)
        try:
            await ask("GET", "/1.0/other", right="agentd.other.read")
        except SnapshotError as error:
            request.note(error.problem)
        return listings

    bus = Bus()
    with (
        capture_logs() as logged,
        running(bus.described(apis, (SourceModule(Source.AGENTD, some),), interval=0.1)),
    ):
        bus.has(SnapshotTaken, count=2)
    (taken, *_) = bus.of(SnapshotTaken)
    assert isinstance(taken, SnapshotTaken)
    assert len(taken.listings) == 1
    status = bus.statuses[Source.AGENTD]
    assert status.outcomes[SnapshotOutcome.OK] >= 2
    assert status.outcomes[SnapshotOutcome.REFUSED] == 0
    assert status.problem.startswith("agentd")
    # Once, however often it is asked.
    assert [each["problem"] for each in logged if "problem" in each] == [status.problem]


def test_without_a_login_nothing_begins(apis: Apis) -> None:
    bus = Bus()
    apis.behaviours["/auth/0.1/token"] = reply(429)
    with running(bus.described(apis, (AGENTD, CHATD))):
        bus.outcome(SnapshotOutcome.NOT_READY)
        bus.outcome(SnapshotOutcome.NOT_READY, Source.CHATD)
    assert not bus.items


def test_an_origin_that_the_login_does_not_tell_comes_from_the_bus(apis: Apis) -> None:
    apis.token_keys = {"xivo_uuid": None}
    bus = Bus()
    with running(bus.described(apis, (AGENTD,), interval=0.1)):
        bus.outcome(SnapshotOutcome.NOT_READY)
        assert not bus.items
        assert "UUID" in bus.statuses[Source.AGENTD].problem
        bus.fallback = "origin-of-the-bus"
        bus.has(SnapshotTaken)
    assert {item.origin for item in bus.items} == {"origin-of-the-bus"}


def test_an_answer_of_another_server_is_not_used(apis: Apis) -> None:
    apis.token_keys = {"xivo_uuid": None}
    bus = Bus(fallback="before")

    async def move(request: object, writer: asyncio.StreamWriter) -> None:
        bus.fallback = "after"
        await reply(200, b"[]")(request, writer)  # type: ignore[arg-type]  # as it came

    apis.behaviours[AGENTS] = move
    with running(bus.described(apis, (AGENTD,))):
        bus.has(SnapshotFailed)
    assert bus.statuses[Source.AGENTD].problem == "another server answers at the URLs of the APIs"


@pytest.mark.parametrize("behaviour", [silent, endless], ids=lambda each: each.__name__)
def test_the_thread_ends_in_time_while_a_request_is_under_way(
    apis: Apis, behaviour: Callable[..., object]
) -> None:
    bus = Bus()
    apis.behaviours[AGENTS] = behaviour  # type: ignore[assignment]  # one of two
    with running(bus.described(apis, (AGENTD,))):
        eventually(lambda: apis.heard(AGENTS))
    # What begun is ended.
    assert bus.of(SnapshotFailed)
    assert bus.is_in_order()


def test_the_thread_ends_in_time_while_a_snapshot_settles(apis: Apis) -> None:
    bus = Bus()
    with running(bus.described(apis, (AGENTD,)), pace=QUICK._replace(settle=NEVER)):
        bus.outcome(SnapshotOutcome.OK)
    assert not bus.of(SnapshotTaken)
    assert bus.of(SnapshotFailed)


def test_the_thread_ends_in_time_though_the_server_is_silent(apis: Apis) -> None:
    bus = Bus()
    with running(bus.described(apis, (AGENTD,))):
        bus.has(SnapshotTaken)
        apis.behaviours[f"/auth/0.1/token/{apis.issued[0]}"] = silent


def test_a_silent_server_is_left_after_a_while_and_does_not_delay_another(apis: Apis) -> None:
    slow, quick = Bus("slow"), Bus("quick")
    with serving() as other:
        other.behaviours["/auth/0.1/token"] = silent
        buses = (
            slow.described(other, (AGENTD,), seconds=0.5),
            quick.described(apis, (AGENTD,), interval=0.1),
        )
        with running(*buses):
            quick.has(SnapshotTaken, count=3)
            slow.outcome(SnapshotOutcome.UNREACHABLE)
    assert slow.statuses[Source.AGENTD].problem == "auth does not answer in time"


def test_no_secret_is_in_logs_or_statuses(apis: Apis, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bus = Bus()
    with capture_logs() as logged, running(bus.described(apis, (AGENTD, CHATD, BROKEN), 0.1)):
        bus.has(SnapshotTaken)
        bus.has(SnapshotFailed, Source.AMID)
        apis.tokens.clear()
        apis.behaviours["/auth/0.1/token"] = reply(401)
        bus.outcome(SnapshotOutcome.REFUSED)
    shown = f"{logged} {caplog.text} {bus.statuses} {bus.items}"
    assert "secret-token" not in shown
    assert PASSWORD not in shown


def test_without_a_bus_there_is_no_thread() -> None:
    with running() as snapshotter:
        snapshotter.ask("bus", (Source.AGENTD,))
        assert "snapshots" not in {each.name for each in threading.enumerate()}


def test_a_stop_before_the_start_and_an_ask_after_the_stop_do_nothing(apis: Apis) -> None:
    bus = Bus()
    snapshotter = Snapshotter((bus.described(apis, (AGENTD,)),), wall_clock, QUICK)
    snapshotter.stop(1)
    snapshotter.start()
    snapshotter.stop(60)
    snapshotter.ask("bus", (Source.AGENTD,))
    assert not apis.requests
