"""Whatever the order of events, requests and answers, the state becomes that of the server."""

from __future__ import annotations

import copy
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.events.agents import AgentsListed, AgentStatus
from dataflows.events.queue_calls import CallersListed, ListedCaller, ListedQueue
from dataflows.events.queue_members import (
    DEVICE_STATES,
    AgentMembersListed,
    MemberReported,
    Membership,
    MembersListed,
)
from dataflows.events.services import Instance, ServicesListed
from dataflows.events.users import LineState, Presence, PresencesListed, UserStatus
from dataflows.items import (
    GapNoticed,
    Opened,
    OriginSilent,
    ReadingContinued,
    SnapshotBegun,
    SnapshotFailed,
    SnapshotTaken,
)
from dataflows.listings import Listing, Source
from tests.corpus import ORIGIN, Message, event
from tests.pipeline import Pipeline

BUS = "default"
OTHER = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be4"
QUEUES = ("support", "ventes")
AGENTS = ("1", "2", "3", "4")
USERS = tuple(f"user-{number}" for number in range(1, 5))
INTERFACES = ("local/id-1@agentcallback", "local/id-2@agentcallback", "sip/a")
CHANNELS = ("1449700000.1", "1449700000.2", "1449700000.3")
SERVICES = ("xivo-dird", "xivo-agentd")
HERE = UserStatus(Presence.AVAILABLE, do_not_disturb=False, connected=True)
AWAY = UserStatus(Presence.AWAY, do_not_disturb=True, connected=False)
TALKING = HERE._replace(line_state=LineState.TALKING)
STATUSES = (HERE, AWAY, TALKING)


@dataclass
class Server:
    """What is true on a server, and what it says of its changes.

    Attributes:
        members: By queue and interface: device state, and whether paused.
        waiting: By queue and channel: when the caller joined.
        talks: Queue, interface and channel.
        services: By service: the ids of its registered instances, the latest one at the end. Those
            before it crashed.
        instances: Number of instances so far.
        said: Messages that have not arrived; those of the same moment arrive together.
        calls: Number of events of callers; it tells two equal ones apart.
        deleted: Agents and users that were deleted; an id never comes again.
    """

    agents: dict[str, str] = field(default_factory=dict)
    users: dict[str, UserStatus] = field(default_factory=dict)
    members: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)
    waiting: dict[tuple[str, str], float] = field(default_factory=dict)
    talks: dict[tuple[str, str], str] = field(default_factory=dict)
    services: dict[str, list[str]] = field(default_factory=dict)
    instances: int = 0
    said: deque[list[Message]] = field(default_factory=deque)
    calls: int = 0
    deleted: set[str] = field(default_factory=set)

    def do(self, deed: tuple[str, Any, Any, Any], now: float) -> list[Message]:
        """Change something; return the events that tell of it."""
        kind, first, second, third = deed
        messages: list[Message] = getattr(self, kind)(first, second, third, now)
        return messages

    def agent(self, agent: str, status: str | None, _: object, _now: float) -> list[Message]:
        before = self.agents.get(agent)
        if agent in self.deleted:
            return []
        if status is None:
            self.deleted.add(agent)
            if before is None:
                return []
            del self.agents[agent]
            return [event("agent_deleted", {"id": int(agent)})]
        if before == status:
            return []
        self.agents[agent] = status
        return [event("agent_status_update", {"agent_id": int(agent), "status": status})]

    def user(self, user: str, status: UserStatus | None, _: object, _now: float) -> list[Message]:
        if user in self.deleted:
            return []
        if status is None:
            self.deleted.add(user)
            if self.users.pop(user, None) is None:
                return []
            return [event("user_deleted", {"id": 1, "uuid": user})]
        if self.users.get(user) == status:
            return []
        self.users[user] = status
        facts = {key: fact for key, fact in status._asdict().items() if key != "presence"}
        data = {"uuid": user, "state": status.presence, **facts}
        return [event("chatd_presence_updated", data)]

    def member(
        self, of: tuple[str, str], status: int, is_paused: bool, _now: float
    ) -> list[Message]:
        before = self.members.get(of)
        if before == (status, is_paused):
            return []
        found: list[Message] = []
        if before is None:
            self.members[of] = status, is_paused
            return [self._member("QueueMemberAdded", of)]
        if before[1] is not is_paused:
            self.members[of] = before[0], is_paused
            found.append(self._member("QueueMemberPause", of))
        if before[0] != status:
            self.members[of] = status, is_paused
            found.append(self._member("QueueMemberStatus", of))
        return found

    def remove(self, of: tuple[str, str], _: object, _third: object, _now: float) -> list[Message]:
        if of not in self.members:
            return []
        message = self._member("QueueMemberRemoved", of)
        del self.members[of]
        return [message]

    def _member(self, name: str, of: tuple[str, str]) -> Message:
        status, is_paused = self.members[of]
        data = {
            "Queue": of[0],
            "Interface": of[1],
            "Status": str(status),
            "Paused": str(int(is_paused)),
            "Membership": "dynamic",
            "Ringinuse": "0",
        }
        return event(name, data)

    def join(self, of: tuple[str, str], _: object, _third: object, now: float) -> list[Message]:
        if any(channel == of[1] for _, channel in self.waiting) or of[1] in self.talks.values():
            return []
        self.waiting[of] = now
        return [self._call("QueueCallerJoin", of)]

    def abandon(self, of: tuple[str, str], _: object, _third: object, now: float) -> list[Message]:
        if of not in self.waiting:
            return []
        wait = int(now - self.waiting.pop(of))
        return [
            self._call("QueueCallerAbandon", of, HoldTime=str(wait)),
            self._call("QueueCallerLeave", of),
        ]

    def connect(self, of: tuple[str, str], interface: str, _: object, now: float) -> list[Message]:
        key = (of[0], interface)
        if of not in self.waiting or key in self.talks:
            return []
        wait = int(now - self.waiting.pop(of))
        self.talks[key] = of[1]
        more = {"Interface": interface, "HoldTime": str(wait), "RingTime": "1"}
        return [self._call("QueueCallerLeave", of), self._call("AgentConnect", of, **more)]

    def complete(
        self, key: tuple[str, str], _: object, _third: object, _now: float
    ) -> list[Message]:
        channel = self.talks.pop(key, None)
        if channel is None:
            return []
        more = {"Interface": key[1], "TalkTime": "1", "Reason": "agent"}
        return [self._call("AgentComplete", (key[0], channel), **more)]

    def register(self, service: str, _: object, _third: object, _now: float) -> list[Message]:
        """Start a service; if it was up, it has crashed."""
        self.instances += 1
        instance = str(self.instances)
        self.services.setdefault(service, []).append(instance)
        more = {"address": "10.0.0.5", "port": 9495, "tags": []}
        data = {"service_name": service, "service_id": instance, **more}
        return [event("service_registered_event", data)]

    def deregister(self, service: str, _: object, _third: object, _now: float) -> list[Message]:
        """Stop a service; what crashed before is cleaned up."""
        if service not in self.services:
            return []
        data = {"service_name": service, "service_id": self.services.pop(service)[-1], "tags": []}
        return [event("service_deregistered_event", data)]

    def _call(self, name: str, of: tuple[str, str], **more: str) -> Message:
        self._count = getattr(self, "_count", 0) + 1
        return event(
            name, {"Queue": of[0], "Uniqueid": of[1], "Position": str(self._count), **more}
        )

    def answer(self, source: Source, number: int, now: float) -> tuple[Listing, ...]:
        """Return what an API lists now."""
        match source:
            case Source.AGENTD:
                agents = {agent: AgentStatus(status) for agent, status in self.agents.items()}
                return (AgentsListed(ORIGIN, now, number, agents),)
            case Source.CHATD:
                return (PresencesListed(ORIGIN, now, number, dict(self.users)),)
            case Source.CONSUL:
                services = {
                    name: tuple(Instance(each, "10.0.0.5", "9495", int(each)) for each in ids)
                    for name, ids in self.services.items()
                }
                return (ServicesListed(ORIGIN, now, number, services),)
        members = {queue: tuple(self._reports(queue, now)) for queue in QUEUES}
        of_agents = {
            queue: tuple(each for each in reports if each.interface.startswith("local"))
            for queue, reports in members.items()
        }
        queues = tuple(
            ListedQueue(
                queue,
                0,
                tuple(
                    ListedCaller(channel, int(now - joined))
                    for (of, channel), joined in self.waiting.items()
                    if of == queue
                ),
                tuple(interface for of, interface in self.talks if of == queue),
            )
            for queue in QUEUES
        )
        return (
            MembersListed(ORIGIN, now, number, members),
            AgentMembersListed(ORIGIN, now, number, of_agents),
            CallersListed(ORIGIN, now, number, queues),
        )

    def _reports(self, queue: str, now: float) -> Iterable[MemberReported]:
        for (of, interface), (status, is_paused) in self.members.items():
            if of == queue:
                yield MemberReported(
                    ORIGIN,
                    now,
                    of,
                    interface,
                    is_paused,
                    DEVICE_STATES[status],
                    Membership.DYNAMIC,
                    last_call=0,
                    reason="",
                )

    def numbers(self) -> Counter[tuple[str, ...]]:
        """Return what the gauges must show; those that are 0 are left out."""
        numbers: Counter[tuple[str, ...]] = Counter()
        for login in self.agents.values():
            numbers["xivo_agents", login] += 1
        numbers.update(("xivo_service_up", service) for service in self.services)
        numbers.update(key for status in self.users.values() for key in _series_of(status))
        for (queue, _), (status, is_paused) in self.members.items():
            numbers["xivo_queue_members", queue, "dynamic"] += 1
            numbers["xivo_queue_member_states", queue, DEVICE_STATES[status]] += 1
            numbers["xivo_queue_members_paused", queue] += is_paused
            numbers["xivo_queue_members_available", queue] += status in (0, 1) and not is_paused
        for queue, _ in self.waiting:
            numbers["xivo_queue_callers_waiting", queue] += 1
        for queue, _ in self.talks:
            numbers["xivo_queue_members_in_call", queue] += 1
        for agent, login in self.agents.items():
            if login == "logged_in":
                numbers["xivo_agents_by_activity", self._activity(agent)] += 1
        return +numbers

    def _activity(self, agent: str) -> str:
        mine = [
            state
            for (_, interface), state in self.members.items()
            if interface == f"local/id-{agent}@agentcallback"
        ]
        for statuses, activity in (((2, 3, 7, 8), "on_call"), ((6,), "ringing")):
            if any(status in statuses for status, _ in mine):
                return activity
        if not mine:
            return "unknown"
        if all(is_paused for _, is_paused in mine):
            return "paused"
        return "unavailable" if all(status in (4, 5) for status, _ in mine) else "available"


def _series_of(status: UserStatus) -> Iterable[tuple[str, ...]]:
    yield "xivo_users", status.presence
    if status.do_not_disturb:
        yield ("xivo_users_do_not_disturb",)
    if status.connected:
        yield ("xivo_users_connected",)
    if status.line_state is not None:
        yield "xivo_users_line_state", status.line_state


GAUGES = {
    "xivo_agents",
    "xivo_users",
    "xivo_service_up",
    "xivo_users_do_not_disturb",
    "xivo_users_connected",
    "xivo_users_line_state",
    "xivo_queue_members",
    "xivo_queue_member_states",
    "xivo_queue_members_paused",
    "xivo_queue_members_available",
    "xivo_queue_callers_waiting",
    "xivo_queue_members_in_call",
    "xivo_agents_by_activity",
}
COUNTERS = {
    "agent_status_update": ("xivo_agent_logins_total", "xivo_agent_logouts_total"),
    "chatd_presence_updated": ("xivo_user_presence_changes_total",),
    "service_registered_event": ("xivo_service_registrations_total",),
    "service_deregistered_event": ("xivo_service_deregistrations_total",),
    "QueueCallerJoin": ("xivo_queue_calls_joined_total",),
    "AgentComplete": ("xivo_queue_calls_completed_total",),
}


class World:
    """A server, an exporter, and what is on the way between them.

    Args:
        is_prompt: Whether all events before an answer arrive before it, as they do mostly.

    Attributes:
        asked: By source: the number of the request that was not answered, and the answer if the
            server has read its state.
        delivered: How many events of each name arrived.
    """

    def __init__(self, *, is_prompt: bool = False) -> None:
        self.server = Server()
        self._is_prompt = is_prompt
        self.pipeline = Pipeline(windows="1m")
        self.pipeline.take([Opened(BUS, self.pipeline.now), ReadingContinued(BUS)])
        self.asked: dict[Source, tuple[int, tuple[Listing, ...] | None]] = {}
        self.delivered: Counter[str] = Counter()
        self._number = 0

    def step(self, step: tuple[str, Any]) -> None:
        kind, of = step
        # Events of different moments, so that their order is certain.
        self.pipeline.wait(0.25)
        getattr(self, kind)(of)

    def do(self, deed: tuple[str, Any, Any, Any]) -> None:
        self.server.said.append(self.server.do(deed, self.pipeline.now))

    def silently(self, deed: tuple[str, Any, Any, Any]) -> None:
        """Change something as a reload does: without an event."""
        self.server.do(deed, self.pipeline.now)

    def deliver(self, count: int) -> None:
        said = self.server.said
        for _ in range(min(count, len(said))):
            messages = said.popleft()
            self.delivered.update(message.name for message in messages)
            self.pipeline.wait(0.25)
            for message in messages:
                self.pipeline.wait(0.06)
                self.pipeline.send(message)

    def lose(self, _: object) -> None:
        """Lose what is on the way, and notice it."""
        self.server.said.clear()
        self.pipeline.take([GapNoticed(BUS, self.pipeline.now)])

    def snapshot(self, of: tuple[Source, list[tuple[str, Any]], list[tuple[str, Any]]]) -> None:
        source, before, after = of
        for step in (("ask", source), *before, ("read", source), *after, ("answer", source)):
            self.step(step)

    def ask(self, source: Source) -> None:
        if source in self.asked:
            return
        self._number += 1
        self.asked[source] = (self._number, None)
        now = self.pipeline.now
        self.pipeline.take([SnapshotBegun(BUS, now, ORIGIN, source, self._number)])

    def read(self, source: Source) -> None:
        """Let the server read its state for the answer."""
        if source in self.asked and self.asked[source][1] is None:
            number, _ = self.asked[source]
            answer = self.server.answer(source, number, self.pipeline.now)
            self.asked[source] = number, copy.deepcopy(answer)

    def answer(self, source: Source) -> None:
        number, answer = self.asked.get(source, (0, None))
        if answer is None:
            return
        del self.asked[source]
        if self._is_prompt:
            self.deliver(len(self.server.said))
        now = self.pipeline.now
        self.pipeline.take([SnapshotTaken(BUS, now, ORIGIN, source, number, answer)])

    def fail(self, source: Source) -> None:
        if source in self.asked:
            number, _ = self.asked.pop(source)
            self.pipeline.take([SnapshotFailed(BUS, self.pipeline.now, ORIGIN, source, number)])

    def restart(self, _: object) -> None:
        """Restart the exporter with its kept state; nobody waits for answers any more."""
        self.asked.clear()
        self.pipeline.restart()
        self.pipeline.take([Opened(BUS, self.pipeline.now), ReadingContinued(BUS)])

    def settle(self, *, is_asked: bool) -> None:
        """Let all that is on the way arrive; ask all APIs if wanted."""
        self.deliver(len(self.server.said))
        for source in SOURCES if is_asked else ():
            self.fail(source)
            # Twice, because an answer that lacks much is believed if the next one lacks it too.
            for _ in range(2):
                for kind in ("ask", "read", "answer"):
                    self.step((kind, source))
        self.pipeline.wait(70)

    def shown(self) -> Counter[tuple[str, ...]]:
        numbers: Counter[tuple[str, ...]] = Counter()
        for (name, labels), value in self.pipeline.series().items():
            if name in GAUGES:
                assert isinstance(value, float | int)
                numbers[name, *labels[1:]] = int(value)
        return +numbers

    def known(self) -> dict[tuple[str, ...], float]:
        """Return whether the state of each server and subsystem is complete."""
        return {
            labels: value
            for (name, labels), value in self.pipeline.series().items()
            if name == "xivo_state_known" and isinstance(value, float | int)
            if labels[1] in ("agents", "queues", "queue_calls", "users", "services")
        }

    def total(self, metric: str) -> int:
        values = (value for (name, _), value in self.pipeline.series().items() if name == metric)
        return sum(int(value) for value in values if isinstance(value, float | int))


SOURCES = (Source.AGENTD, Source.AMID, Source.CHATD, Source.CONSUL)
_MEMBERS = st.tuples(st.sampled_from(QUEUES), st.sampled_from(INTERFACES))
_CALLERS = st.tuples(st.sampled_from(QUEUES), st.sampled_from(CHANNELS))
_NOTHING = st.none()


def _deeds(*, with_calls: bool = True) -> st.SearchStrategy[tuple[str, Any, Any, Any]]:
    one = st.just
    statuses = st.sampled_from(("logged_in", "logged_out", None))
    deeds = [
        st.tuples(one("agent"), st.sampled_from(AGENTS), statuses, _NOTHING),
        st.tuples(
            one("user"), st.sampled_from(USERS), st.sampled_from((*STATUSES, None)), _NOTHING
        ),
        st.tuples(one("member"), _MEMBERS, st.sampled_from((1, 2, 5)), st.booleans()),
        st.tuples(one("remove"), _MEMBERS, _NOTHING, _NOTHING),
        st.tuples(
            st.sampled_from(("register", "deregister")),
            st.sampled_from(SERVICES),
            _NOTHING,
            _NOTHING,
        ),
    ]
    if with_calls:
        deeds += [
            st.tuples(one("join"), _CALLERS, _NOTHING, _NOTHING),
            st.tuples(one("abandon"), _CALLERS, _NOTHING, _NOTHING),
            st.tuples(one("connect"), _CALLERS, st.sampled_from(INTERFACES), _NOTHING),
            st.tuples(one("complete"), _MEMBERS, _NOTHING, _NOTHING),
        ]
    return st.one_of(deeds)


_SOURCE = st.sampled_from(SOURCES)
_MEANWHILE = st.lists(
    st.tuples(st.just("do"), _deeds()) | st.tuples(st.just("deliver"), st.integers(1, 4)),
    max_size=5,
)
_HONEST = [
    # A whole request, with what happens meanwhile.
    st.tuples(st.just("snapshot"), st.tuples(_SOURCE, _MEANWHILE, _MEANWHILE)),
    st.tuples(st.just("snapshot"), st.tuples(_SOURCE, _MEANWHILE, _MEANWHILE)),
    st.tuples(st.just("do"), _deeds()),
    st.tuples(st.just("do"), _deeds()),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    *(st.tuples(st.just(kind), _SOURCE) for kind in ("ask", "read", "answer", "fail")),
    st.tuples(st.just("restart"), _NOTHING),
]
HONEST = st.lists(st.one_of(_HONEST), max_size=25)
"""A server that tells of all changes, and requests that may fail."""

ANY = st.lists(
    st.one_of(
        *_HONEST,
        st.tuples(st.just("silently"), _deeds()),
        st.tuples(st.just("lose"), _NOTHING),
    ),
    max_size=25,
)
"""The same with silent changes and lost events."""


@given(HONEST)
def test_answers_change_nothing_in_the_end_if_events_tell_everything(
    steps: list[tuple[str, Any]],
) -> None:
    world = World()
    for step in steps:
        world.step(step)
    world.settle(is_asked=False)
    # Without answers, what an agent does is known only from events after the first of an agent.
    told, true = world.shown(), world.server.numbers()
    for key in told.keys() | true.keys():
        if key[0] != "xivo_agents_by_activity":
            assert told[key] == true[key], key
    assert world.total("xivo_queue_calls_total") == world.delivered["QueueCallerLeave"]
    for name, metrics in COUNTERS.items():
        assert sum(map(world.total, metrics)) <= world.delivered[name]


@given(ANY)
def test_after_a_snapshot_the_state_is_that_of_the_server(steps: list[tuple[str, Any]]) -> None:
    world = World()
    for step in steps:
        world.step(step)
    world.settle(is_asked=True)
    assert world.shown() == world.server.numbers()
    for name, metrics in COUNTERS.items():
        assert sum(map(world.total, metrics)) <= world.delivered[name]


@given(HONEST)
def test_if_events_tell_everything_in_time_nothing_was_wrong(
    steps: list[tuple[str, Any]],
) -> None:
    world = World(is_prompt=True)
    for step in steps:
        world.step(step)
    world.settle(is_asked=True)
    assert world.total("xivo_state_drift_total") == 0
    for subsystem in {subsystem for _, subsystem in world.known()}:
        assert world.known()[ORIGIN, subsystem], subsystem


SILENT = [
    ("agent", "1", "logged_out", None, "agents", "changed"),
    ("agent", "1", None, None, "agents", "removed"),
    ("agent", "4", "logged_in", None, "agents", "added"),
    ("user", "user-1", AWAY, None, "users", "changed"),
    ("user", "user-1", TALKING, None, "users", "changed"),
    ("user", "user-1", None, None, "users", "removed"),
    ("user", "user-4", AWAY, None, "users", "added"),
    ("member", ("support", "sip/a"), 2, False, "queues", "changed"),
    ("member", ("support", "sip/a"), 1, True, "queues", "changed"),
    ("remove", ("support", "sip/a"), None, None, "queues", "removed"),
    ("member", ("ventes", "sip/a"), 1, False, "queues", "added"),
    ("remove", ("support", "local/id-1@agentcallback"), None, None, "agents", "removed"),
    ("join", ("support", "1449700000.3"), None, None, "queue_calls", "added"),
    ("abandon", ("support", "1449700000.1"), None, None, "queue_calls", "removed"),
    ("complete", ("support", "sip/a"), None, None, "queue_calls", "removed"),
    ("deregister", "xivo-dird", None, None, "services", "removed"),
    ("register", "xivo-agentd", None, None, "services", "added"),
]


@pytest.mark.parametrize("silent", SILENT, ids=str)
def test_a_silent_change_is_repaired_and_counted(silent: tuple[Any, ...]) -> None:
    *deed, subsystem, kind = silent
    world = World()
    for each in (
        ("agent", "1", "logged_in", None),
        ("agent", "2", "logged_in", None),
        ("user", "user-1", HERE, None),
        ("user", "user-2", HERE, None),
        ("member", ("support", "sip/a"), 1, False),
        ("member", ("support", "local/id-1@agentcallback"), 1, False),
        ("join", ("support", "1449700000.1"), None, None),
        ("join", ("support", "1449700000.2"), None, None),
        ("register", "xivo-dird", None, None),
    ):
        world.do(each)
    world.settle(is_asked=True)
    world.do(("connect", ("support", "1449700000.2"), "sip/a", None))
    world.settle(is_asked=True)
    assert world.total("xivo_state_drift_total") == 0
    assert world.shown() == world.server.numbers()
    before = {name: world.total(name) for names in COUNTERS.values() for name in names}
    world.silently((deed[0], deed[1], deed[2], deed[3]))
    assert world.shown() != world.server.numbers()
    world.settle(is_asked=True)
    assert world.shown() == world.server.numbers()
    value = world.pipeline.value("xivo_state_drift_total", subsystem, kind)
    assert value == 1
    assert before == {name: world.total(name) for name in before}


ALSO_HEARD = {
    "QueueMemberRinginuse": {"Queue": "support", "Interface": INTERFACES[0], "Ringinuse": "1"},
    "AgentRingNoAnswer": {
        "Queue": "support",
        "Uniqueid": CHANNELS[0],
        "Interface": INTERFACES[0],
        "RingTime": "5000",
    },
    "AgentComplete": {
        "Queue": "support",
        "Uniqueid": CHANNELS[0],
        "Interface": INTERFACES[0],
        "TalkTime": "9",
        "Reason": "agent",
    },
}
"""Events that do not say whether somebody is a member or waits."""


@pytest.mark.parametrize("name", ALSO_HEARD)
def test_an_event_that_says_nothing_of_an_entity_does_not_keep_the_answer_away(name: str) -> None:
    world = World()
    world.silently(("agent", "1", "logged_in", None))
    world.silently(("member", ("support", INTERFACES[0]), 1, False))
    world.silently(("join", ("support", CHANNELS[0]), None, None))
    for source in (Source.AGENTD, Source.AMID):
        world.step(("ask", source))
        world.pipeline.send(event(name, ALSO_HEARD[name]))
        world.step(("read", source))
        world.step(("answer", source))
    assert world.shown() == world.server.numbers()
    assert all(world.known().values())
    world.settle(is_asked=True)
    assert world.total("xivo_state_drift_total") == 0


def test_an_answer_that_lacks_most_of_what_events_told_is_not_believed() -> None:
    world = World()
    for agent in AGENTS:
        world.do(("agent", agent, "logged_in", None))
    world.settle(is_asked=True)
    everybody = world.server.agents
    # A user without the right to see other tenants gets an empty list, without an error.
    world.server.agents = {}
    for _ in range(2):
        for kind in ("ask", "read", "answer"):
            world.step((kind, Source.AGENTD))
        assert world.shown()["xivo_agents", "logged_in"] == len(everybody)
        assert not world.known()[ORIGIN, "agents"]
        # Each agent is heard of again, so they exist.
        world.server.agents = dict(everybody)
        for status in ("logged_out", "logged_in"):
            for agent in AGENTS:
                world.do(("agent", agent, status, None))
        world.deliver(2 * len(AGENTS))
        everybody, world.server.agents = world.server.agents, {}
    # Without any event of them, a second answer is believed.
    for _ in range(2):
        for kind in ("ask", "read", "answer"):
            world.step((kind, Source.AGENTD))
    assert world.shown()["xivo_agents", "logged_in"] == 0


def test_the_state_is_complete_before_the_first_event() -> None:
    world = World()
    for each in (
        ("agent", "1", "logged_in", None),
        ("user", "user-1", HERE, None),
        ("member", ("support", "local/id-1@agentcallback"), 1, False),
        ("join", ("support", "1449700000.1"), None, None),
        ("register", "xivo-dird", None, None),
    ):
        world.silently(each)
    assert world.known() == {}
    world.settle(is_asked=True)
    assert world.shown() == world.server.numbers()
    assert world.known() == dict.fromkeys(
        [(ORIGIN, each) for each in ("agents", "queues", "queue_calls", "users", "services")], 1
    )


def test_a_server_without_agents_has_no_series_of_agents() -> None:
    world = World()
    world.settle(is_asked=True)
    names = {name for name, _ in world.pipeline.series()}
    assert not {name for name in names if name.startswith(("xivo_agent", "xivo_user"))}


def test_what_is_missed_between_request_and_answer_leaves_the_state_incomplete() -> None:
    world = World()
    world.silently(("agent", "1", "logged_in", None))
    world.step(("ask", Source.AMID))
    world.step(("read", Source.AMID))
    world.step(("answer", Source.AMID))
    world.step(("ask", Source.AGENTD))
    world.step(("read", Source.AGENTD))
    world.step(("lose", None))
    world.step(("answer", Source.AGENTD))
    assert world.shown()["xivo_agents", "logged_in"] == 1
    assert not world.known()[ORIGIN, "agents"]
    world.settle(is_asked=True)
    assert world.known()[ORIGIN, "agents"]


def test_nothing_is_shown_of_the_server_of_an_api_that_is_found_to_be_a_stranger() -> None:
    world = World()
    world.silently(("agent", "1", "logged_in", None))
    world.settle(is_asked=True)
    pipeline = world.pipeline
    # The bus carries events of another one only, for so long that the source notices it.
    pipeline.send(event("agent_status_update", {"agent_id": 1, "status": "logged_in"}, OTHER))
    origins = pipeline.origins.of(BUS)
    origins.read_seconds = origins.listed[ORIGIN] + 600
    (stranger,) = origins.find_strangers(600)
    pipeline.take([OriginSilent(BUS, stranger, pipeline.now)])
    assert stranger == ORIGIN
    world.settle(is_asked=True)
    assert not [labels for _, labels in pipeline.series() if ORIGIN in labels]


@pytest.mark.parametrize("limit", ["entities", "series"])
def test_a_state_that_cannot_keep_all_that_is_listed_is_not_complete(limit: str) -> None:
    world = World()
    is_few = limit == "entities"
    world.pipeline = Pipeline(
        windows="1m", max_entities=2 if is_few else 100, max_series=100 if is_few else 1
    )
    world.pipeline.take([Opened(BUS, world.pipeline.now), ReadingContinued(BUS)])
    for agent in AGENTS[:3]:
        world.silently(("agent", agent, "logged_in", None))
    for queue in QUEUES:
        world.silently(("member", (queue, "sip/a"), 1, False))
    world.settle(is_asked=True)
    refused = ("agents",) if limit == "entities" else ("queues", "queue_calls")
    for subsystem in refused:
        assert not world.known()[ORIGIN, subsystem], subsystem
