"""Two exporters share one inbox, and the reader changes: one truth is shown, and none is old."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import combinations, count
from pathlib import Path

import pytest

from dataflows.metric import Kind
from dataflows.subsystems import METRICS
from tests.integration.bus import (
    INBOX,
    ORIGIN,
    Wire,
    chat,
    connected,
    domain,
    event,
    is_ready,
    meanwhile,
    own,
    processed,
    publish,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter, Series, samples_of
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("with_exchange", "quick_heartbeats")

OTHER = "0d6c1e5b-7d0f-4f2e-9f0a-5b1c2d3e4f50"
"""Publishes the last event of each phase: the bookmark, which the next reader counts too."""

TAKE_OVER_SECONDS = 40
PROMISED_SECONDS = 60
"""After so long no two exporters that are not cut off show different values of an entity."""

_numbers = count(1)

DETAILS = ("--details", "agents,endpoints")
OF_ENTITIES = {spec.name for spec in METRICS if spec.detail and spec.kind is Kind.GAUGE}


def agent(number: int, status: str, origin: str = ORIGIN) -> Wire:
    """Return a login or a logout."""
    data = {"agent_id": number, "status": status}
    return Wire(event("agent_status_update", data, origin), "status.agent")


def phone(number: int, status: int) -> Wire:
    """Return a change of the state of a phone."""
    data = {"endpoint_id": number, "status": status}
    return Wire(event("endpoint_status_update", data), "status.endpoint")


def of_origin(program: Exporter) -> dict[Series, float]:
    """Return what the origin's events changed, without times, which differ by milliseconds."""
    return {
        (name, labels): value
        for (name, labels), value in domain(program.samples()).items()
        if ("origin_uuid", ORIGIN) in labels
        and "_timestamp_seconds" not in name
        and "_duration_seconds" not in name
    }


def is_silent_standby(program: Exporter) -> bool:
    """Whether an exporter is a standby, and shows nothing of the telephony."""
    samples = program.samples()
    return own(samples, "bus_standby") == 1 and not domain(samples)


@dataclass
class Pair:
    """Two exporters of one instance.

    Attributes:
        name: Their instance: the way in which the first one leaves.
        first: It is the first to read, behind a network of its own.
        second: The other one.
        network: That of the first one.
        away: Those that are cut off, frozen, or not running.
    """

    name: str
    first: Exporter
    second: Exporter
    network: Proxy
    away: list[Exporter] = field(default_factory=list)

    @property
    def inbox(self) -> str:
        """The queue that both share."""
        return f"xivo-exporter.{self.name}.default"

    def leave(self) -> None:
        """Let the first one lose the inbox."""
        self.away = [self.first]
        _WAYS[self.name][0](self)

    def come_back(self) -> None:
        """Let the first one reach the broker again."""
        _WAYS[self.name][1](self)
        self.away = []

    def stop_second(self) -> None:
        """Let the second one end."""
        self.away = [self.second]
        assert self.second.terminate() == 0


_WAYS: dict[str, tuple[Callable[[Pair], object], Callable[[Pair], object]]] = {
    "stop": (lambda pair: pair.first.terminate(), lambda pair: pair.first.start()),
    "kill": (lambda pair: pair.first.kill(), lambda pair: pair.first.start()),
    "cut": (lambda pair: pair.network.hold(), lambda pair: pair.network.cure()),
    "freeze": (lambda pair: pair.first.freeze(), lambda pair: pair.first.thaw()),
}


class Watch:
    """Checks that no two exporters show different values of an entity for longer than promised."""

    def __init__(self, pairs: Sequence[Pair], replica: Exporter) -> None:
        self._pairs = pairs
        self._replica = replica
        self._since: dict[tuple[int, int, Series], float] = {}

    def __call__(self) -> None:
        """Compare what all show that are not cut off."""
        programs = [self._replica]
        for pair in self._pairs:
            programs += [each for each in (pair.first, pair.second) if each not in pair.away]
        shown = [(id(program), self._of_entities(program)) for program in programs]
        now = time.monotonic()
        differing: dict[tuple[int, int, Series], float] = {}
        for (one, ones), (other, others) in combinations(shown, 2):
            for series in ones.keys() & others.keys():
                if ones[series] != others[series]:
                    place = (one, other, series)
                    differing[place] = self._since.get(place, now)
                    assert now - differing[place] < PROMISED_SECONDS, f"two values of {series}"
        self._since = differing

    @staticmethod
    def _of_entities(program: Exporter) -> dict[Series, float]:
        # It may leave while it is asked.
        with suppress(OSError):
            samples = samples_of(program.get("/metrics", timeout=5).text)
            return {series: value for series, value in samples.items() if series[0] in OF_ENTITIES}
        return {}


RunPair = Callable[[str], Pair]


@pytest.fixture(params=[False, True], ids=["without state", "with state"])
def is_kept(request: pytest.FixtureRequest) -> bool:
    """Whether the exporters have state directories."""
    return bool(request.param)


@pytest.fixture
def pair(
    broker: Broker, exporter: RunExporter, tmp_path: Path, *, is_kept: bool
) -> Iterator[RunPair]:
    """A function that runs two exporters of an instance."""

    def one(name: str, number: int, url: str) -> Exporter:
        state = ("--state-dir", f"{tmp_path / f'{name}-{number}'}") if is_kept else ()
        return exporter(url, "--instance", name, *DETAILS, *state)

    with ExitStack() as stack:

        def run(name: str) -> Pair:
            network = stack.enter_context(Proxy(broker.port))
            first = connected(one(name, 1, network.url(broker.url())))
            return Pair(name, first, one(name, 2, broker.url()), network)

        yield run


def start(broker: Broker, exporter: RunExporter, name: str) -> Exporter:
    """Start an exporter with an inbox of its own, which reads all events from now on."""
    return connected(exporter(broker.url(), "--instance", name, *DETAILS))


def publish_to(broker: Broker, program: Exporter, *wires: Wire) -> None:
    """Publish events, and wait until an exporter that reads them has processed all."""
    before = own(program.samples(), "deliveries_total")
    # Each one is different, because an equal one would be taken for a bookmark of earlier.
    publish(broker, "xivo", [*wires, agent(next(_numbers), "logged_in", OTHER)])
    processed(program, int(before) + len(wires) + 1)


def wait_for_acknowledgements(broker: Broker, *inboxes: str) -> None:
    """Wait until at most the bookmarks are left, which would be counted by the next reader too."""
    eventually(
        lambda: all(broker.queues()[inbox]["messages"] <= 1 for inbox in inboxes),
        what="all but the bookmarks are acknowledged",
    )


def assert_equal(program: Exporter, expected: Exporter) -> None:
    """Wait until an exporter shows what another one shows of the origin."""

    def difference() -> str:
        differing = of_origin(program).items() ^ of_origin(expected).items()
        names = sorted({name for (name, _), _ in differing})
        return f"no difference in {names}; its log ends\n{program.log()[-2000:]}"

    eventually(lambda: of_origin(program) == of_origin(expected), what=difference)


def all_are_silent(programs: Sequence[Exporter]) -> None:
    """Wait until exporters are standbys, which show nothing and are not ready."""
    for program in programs:
        _wait_for_silence(program)


def _wait_for_silence(program: Exporter) -> None:
    eventually(
        lambda: is_silent_standby(program),
        timeout=PROMISED_SECONDS,
        what=lambda: f"a standby that shows nothing; its log ends\n{program.log()[-2000:]}",
    )
    ready = program.get("/-/ready")
    assert ready.status == 503
    assert "is a standby on the bus default" in ready.text


def all_show(programs: Sequence[Exporter], expected: Exporter) -> None:
    """Wait until exporters show what another one shows of the origin."""
    for program in programs:
        assert_equal(program, expected)
        assert is_ready(program)


def all_are_connected(programs: Sequence[Exporter]) -> None:
    """Wait until the standbys have taken over."""
    for program in programs:
        connected(program, timeout=TAKE_OVER_SECONDS)


# All four ways at the same time, because a former reader needs most of a minute.
@pytest.mark.timeout(600)
def test_only_the_reader_shows_the_telephony_as_one_does_that_began_when_it_took_over(
    broker: Broker, exporter: RunExporter, pair: RunPair
) -> None:
    pairs = [pair(name) for name in _WAYS]
    firsts, seconds = [each.first for each in pairs], [each.second for each in pairs]
    inboxes = [each.inbox for each in pairs]
    all_are_silent(seconds)
    replica = start(broker, exporter, "replica")
    with meanwhile(Watch(pairs, replica), pause=1):
        logins = [agent(number, "logged_in") for number in range(1, 5)]
        phones = [phone(number, 1) for number in range(1, 5)]
        publish_to(broker, replica, *logins, *phones, *(Wire(chat(text)) for text in range(10)))
        all_show(firsts, replica)
        all_are_silent(seconds)
        wait_for_acknowledgements(broker, *inboxes)

        _do_each(pairs, Pair.leave)
        all_are_connected(seconds)
        later = start(broker, exporter, "later")
        publish_to(broker, later, agent(2, "logged_out"), phone(2, 0), Wire(chat("later")))
        all_show(seconds, later)
        _assert_that_it_shows_what_it_knew(firsts[[*_WAYS].index("cut")])
        wait_for_acknowledgements(broker, *inboxes)

        _do_each(pairs, Pair.come_back)
        all_are_silent(firsts)
        publish_to(broker, later, agent(1, "logged_out"), phone(4, 8), Wire(chat("even later")))
        all_show(seconds, later)
        all_are_silent(firsts)
        wait_for_acknowledgements(broker, *inboxes)

        # They read again, and do not know what they missed.
        _do_each(pairs, Pair.stop_second)
        all_are_connected(firsts)
        last = start(broker, exporter, "last")
        publish_to(broker, last, agent(4, "logged_out"), phone(3, 0), Wire(chat("last")))
        all_show(firsts, last)


def _do_each(pairs: Sequence[Pair], act: Callable[[Pair], None]) -> None:
    for each in pairs:
        act(each)


def _assert_that_it_shows_what_it_knew(program: Exporter) -> None:
    """Check an exporter that is cut off: it is no standby, because it cannot know."""
    assert own(program.samples(), "bus_standby") == 0
    assert program.value("xivo_agents", origin_uuid=ORIGIN, status="logged_in") == 4
    assert is_ready(program)


def test_a_standby_that_has_missed_nothing_goes_on_as_if_it_had_never_been_away(
    broker: Broker, exporter: RunExporter, tmp_path: Path, *, is_kept: bool
) -> None:
    replica = start(broker, exporter, "replica")
    state = ("--state-dir", f"{tmp_path / 'state'}") if is_kept else ()
    with Proxy(broker.port) as network:
        url = network.url(broker.url())
        program = connected(exporter(url, "--instance", "i", *DETAILS, *state))
        publish_to(broker, replica, agent(1, "logged_in"), phone(1, 1), Wire(chat("before")))
        assert_equal(program, replica)
        wait_for_acknowledgements(broker, INBOX)
        network.hold()
        network.reset()
        eventually(lambda: broker.queues()[INBOX]["consumers"] == 0, what="nobody reads")
        # Somebody takes the inbox who acknowledges nothing.
        with broker.channel() as other:
            other.basic_consume(INBOX, exclusive=True, callback=_ignore)
            network.cure()
            eventually(lambda: own(program.samples(), "bus_standby") == 1, what="a standby")
            # What it knows is not old yet.
            assert program.value("xivo_agents", origin_uuid=ORIGIN, status="logged_in") == 1
            assert not is_ready(program)
            publish_to(broker, replica, agent(2, "logged_in"), Wire(chat("meanwhile")))
            if is_kept:
                # What was kept is shown only until it finds the other one.
                assert program.terminate() == 0
                program.start()
            all_are_silent([program])
        connected(program, timeout=TAKE_OVER_SECONDS)
        publish_to(broker, replica, agent(1, "logged_out"), phone(1, 0), Wire(chat("after")))
        assert_equal(program, replica)
        assert own(program.samples(), "bus_gaps_total") == 0


def _ignore(message: object) -> None:
    """Receive a message, and acknowledge nothing."""
    del message
