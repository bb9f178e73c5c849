"""The judges of `make chaos` and `make soak` notice what they are there for."""

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import cast
from uuid import UUID
from xml.etree import ElementTree

import pytest

from tests.chaos import verdict
from tests.chaos.bad_link import BadLink, flap
from tests.chaos.cluster_picture import Downtime, cluster_picture
from tests.chaos.cluster_verdict import ClusterOutcome, judge
from tests.chaos.numbered import Heard, Numbered
from tests.chaos.soak_picture import soak_picture
from tests.chaos.soak_sample import Sample
from tests.chaos.soak_verdict import broken, limits
from tests.chaos.soak_viewers import VIEWERS
from tests.chaos.terms import Account, Term, Terms
from tests.chaos.truths import BOTH_SECONDS, DIFFERENT_SECONDS, STANDBY_SECONDS, Look, Truths
from tests.oracle import Fact
from tests.program import Exporter, Series
from tests.proxy import Proxy, Way

SCRAPES = range(0, 180, 2)
"""Seconds at which both are scraped."""


# A bad link


@pytest.fixture
def spring() -> Iterator[int]:
    """A server that sends as much as anyone takes; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pour() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    while _sent(client):
                        pass

        thread = threading.Thread(target=pour)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(30)


def test_a_bad_link_carries_its_rate_and_breaks_all_connections(spring: int) -> None:
    link = BadLink(bytes_per_second=400_000, reset_seconds=0.25, connections=4)
    stop = threading.Event()
    with Proxy(spring) as proxy:
        host, _, port = proxy.url(f"127.0.0.1:{spring}").partition(":")

        def drink() -> None:
            while not stop.is_set():
                with socket.create_connection((host, int(port))) as client:
                    while _received(client):
                        pass

        thread = threading.Thread(target=drink)
        thread.start()
        began = time.monotonic()
        carried = flap(link, proxy)
        seconds = time.monotonic() - began
        stop.set()
        proxy.reset()
        thread.join(30)
        assert proxy.carried(Way.FROM_BROKER) >= carried >= 400_000
        # Two chunks may be under way at each reset.
        assert carried <= 400_000 * (seconds + 0.2 * proxy.connections)
        assert proxy.connections >= 4


# Two exporters that share an inbox


def exporter(*, reads: bool, agents: Mapping[int, int]) -> Look:
    """Return what an exporter shows: a reader or a standby that knows these agents."""
    bus, origin = ("bus", "default"), ("origin_uuid", "x")
    samples: dict[Series, float] = {
        ("xivo_exporter_bus_connected", frozenset({bus})): reads,
        ("xivo_exporter_bus_standby", frozenset({bus})): not reads,
    }
    for agent, is_in in agents.items():
        labels = frozenset({origin, ("agent_id", f"{agent}")})
        samples["xivo_agent_logged_in", labels] = is_in
    if agents:
        labels = frozenset({origin, ("state", "logged_in")})
        samples["xivo_agents", labels] = sum(agents.values())
    return Look(samples)


def faults(left: Look, right: Look, seconds: float) -> list[str]:
    truths = Truths()
    for now in SCRAPES:
        if now <= seconds:
            truths.look(now, {"P": left, "Q": right})
    return truths.faults


def test_a_standby_may_show_what_it_knew_for_a_minute() -> None:
    reader, standby = (exporter(reads=reads, agents={1: reads, 2: 1}) for reads in (True, False))
    assert faults(reader, standby, min(DIFFERENT_SECONDS, STANDBY_SECONDS)) == []
    one, of_all, shows = faults(reader, standby, DIFFERENT_SECONDS + 2)
    assert "xivo_agent_logged_in" in one + of_all
    assert "xivo_agents" in one + of_all
    assert "shows telephony" in shows


def test_one_that_has_not_heard_of_all_may_count_fewer() -> None:
    reader, other = exporter(reads=True, agents={1: 1, 2: 1}), exporter(reads=False, agents={1: 1})
    assert [fault for fault in faults(reader, other, 170) if "telephony" not in fault] == []


def test_one_that_is_cut_off_may_show_what_it_knew() -> None:
    reader, other = exporter(reads=True, agents={1: 1}), exporter(reads=False, agents={1: 0})
    assert faults(reader, other._replace(is_excused=True), 170) == []


def test_a_silent_standby_is_good() -> None:
    truths = Truths()
    reader, standby = exporter(reads=True, agents={1: 1}), exporter(reads=False, agents={})
    for now in SCRAPES:
        truths.look(now, {"P": reader, "Q": standby})
    assert truths.faults == []
    assert truths.silenced > 0


def test_two_may_not_read_for_longer_than_a_moment() -> None:
    reader = exporter(reads=True, agents={})
    assert faults(reader, reader, BOTH_SECONDS) == []
    (fault,) = faults(reader, reader, BOTH_SECONDS + 2)
    assert "P and Q are connected" in fault


# Who has heard of what


@pytest.fixture
def traffic() -> Numbered:
    traffic = Numbered(seed=1, rate=200, now=time.time())
    traffic.take(1000)
    return traffic


def account(traffic: Numbered, *terms: tuple[str, list[Fact], int]) -> Account:
    """Return the account of exporters that have heard of these messages.

    Args:
        traffic: All of it.
        terms: Name of the exporter, messages, and how many of them were unacknowledged.
    """
    noted = Terms()
    for name, facts, unacknowledged in terms:
        samples = verdict.expected(facts, time.time())
        heard = traffic.heard(samples)
        assert heard is not None
        noted.note(Term(name, heard, samples, unacknowledged, is_kept=True))
    return noted.account(traffic.history, time.time())


def test_what_an_exporter_shows_says_what_it_has_heard_of(traffic: Numbered) -> None:
    assert traffic.heard({}) is None
    samples = verdict.expected(traffic.history[300:700], time.time())
    assert traffic.heard(samples) == Heard(300, 699)


def test_terms_that_cover_all_are_good(traffic: Numbered) -> None:
    history = traffic.history
    found = account(traffic, ("P", history[:500], 20), ("Q", history[490:], 0))
    assert found == Account(published=1000, terms=2, lost=0, doubled=10, allowed=20, faults=[])


@pytest.mark.parametrize(
    ("before", "after"), [((0, 500), (510, 1000)), ((10, 500), (500, 1000)), ((0, 500), (500, 990))]
)
def test_what_nobody_has_heard_of_is_lost(
    traffic: Numbered, before: tuple[int, int], after: tuple[int, int]
) -> None:
    first, second = (traffic.history[slice(*each)] for each in (before, after))
    assert account(traffic, ("P", first, 0), ("Q", second, 0)).lost == 10


def test_more_may_not_be_doubled_than_were_unacknowledged(traffic: Numbered) -> None:
    history = traffic.history
    (fault,) = account(traffic, ("P", history[:500], 9), ("Q", history[490:], 0)).faults
    assert "10 messages" in fault


def test_one_that_missed_nothing_may_not_begin_again(traffic: Numbered) -> None:
    history = traffic.history
    (fault,) = account(traffic, ("P", history[:500], 0), ("P", history[500:], 0)).faults
    assert "began again" in fault


@pytest.mark.parametrize("wrong", ["lost", "doubled"])
def test_a_message_lost_or_doubled_in_between_is_noticed(traffic: Numbered, wrong: str) -> None:
    history = traffic.history
    times = 0 if wrong == "lost" else 2
    # One that is no registration: each of those looks like the one before.
    assert history[503].name != "service_registered_event"
    facts = [*history[:503], *itertools.repeat(history[503], times), *history[504:]]
    assert account(traffic, ("P", facts, 0)).faults


# What limits the rate


@pytest.mark.parametrize(
    ("published", "growth", "found"),
    [
        (1000, 0, []),
        (900, 0, ["publisher"]),
        (1000, 20, ["exporter"]),
        (900, 20, ["publisher", "exporter"]),
    ],
)
def test_a_soak_names_its_limit(published: int, growth: int, found: list[str]) -> None:
    samples = [
        Sample(now, published=published * now, ready=growth * now, unacknowledged=500)
        for now in range(1, 100)
    ]
    said = limits(samples, 1000)
    assert len(said) == len(found)
    assert all(who in what for who, what in zip(found, said, strict=True))


# What a soak has shown

GOOD = [
    Sample(
        now,
        memory=100_000_000 + now % 3 * 1_000_000,
        descriptors=38 + (now % 5 == 0),
        threads=8,
        processed=1000 * now,
        snapshots=now,
        viewers=VIEWERS,
    )
    for now in range(100)
]


def test_a_soak_in_which_all_went_well_broke_no_promise() -> None:
    # Before the end of the warm-up, all may change.
    cold = [sample._replace(memory=1, descriptors=1, threads=1, incomplete=3) for sample in GOOD]
    assert broken([*cold[:20], *GOOD[20:]]) == []


@pytest.mark.parametrize(
    ("since", "change", "said"),
    [
        (99, {"memory": 106_000_000}, "memory changed by 6.0%"),
        (60, {"descriptors": 41}, "descriptors rose from 38 to 41"),
        (60, {"threads": 10}, "threads rose from 8 to 10"),
        (99, {"gaps": 1}, "1 gaps"),
        (99, {"drift": 2}, "2 differences"),
        (50, {"incomplete": 1}, "not complete"),
        (99, {"unanswered": 1}, "1 requests to APIs failed"),
        (60, {"unasked": 121}, "an API had told nothing for 121 s"),
        (98, {"processed": 5000}, "stopped reading"),
        (99, {"viewers": VIEWERS - 1}, f"1 of {VIEWERS} browsers"),
        (99, {"unscraped": 3}, "3 scrapes failed"),
    ],
)
def test_a_soak_names_each_promise_that_was_broken(
    since: int, change: dict[str, int], said: str
) -> None:
    changed = [sample._replace(**change) for sample in GOOD[since:]]
    (fault,) = broken([*GOOD[:since], *changed])
    assert said in fault


def test_a_descriptor_that_lasts_for_a_moment_is_no_leak() -> None:
    seen = [
        sample._replace(descriptors=60) if sample.seconds % 7 == 0 else sample for sample in GOOD
    ]
    assert broken(seen) == []


def test_the_picture_of_a_soak_shows_each_panel() -> None:
    picture = ElementTree.fromstring(soak_picture(GOOD))  # noqa: S314 -- our own
    lines = [each for each in picture.iter() if each.get("class") == "value"]
    assert len(lines) == 5


def _sent(client: socket.socket) -> bool:
    try:
        client.sendall(bytes(10_000))
    except OSError:
        return False
    return True


def _received(client: socket.socket) -> bool:
    try:
        return bool(client.recv(65536))
    except OSError:
        return False


# A cluster under kills

DOWNTIMES = [
    Downtime(at=12.0, victim=0, ended=0.3, ready=9.0, processed=10.0, backlog=700),
    Downtime(at=70.0, victim=2, ended=0.5, ready=12.0, processed=20.0, backlog=900),
]


def test_the_picture_of_a_cluster_has_two_bars_for_each_kill() -> None:
    picture = cluster_picture(DOWNTIMES, 120)
    bars = [line for line in picture.splitlines() if line.startswith("<rect class=")]
    in_legend, paper = 2, 1
    assert len(bars) == 2 * len(DOWNTIMES) + in_legend + paper
    # The highest one fills the axis of 20 s; 12 s of it are the first bar.
    assert ">20</text>" in picture
    assert 'height="134.4"' in picture
    assert 'height="89.6"' in picture


def test_the_report_of_a_cluster_tells_the_median_and_the_longest_downtime() -> None:
    outcome = ClusterOutcome(published=600, seconds=60, downtimes=DOWNTIMES)
    assert "until all events were processed 15.0 and 20.0" in str(outcome)


class _Process:
    """A process of a cluster that shows what it has heard of."""

    def __init__(self, heard: Mapping[str, list[Fact]]) -> None:
        self._heard = heard

    def samples(self) -> dict[Series, float]:
        found: dict[Series, float] = {}
        for bus, facts in self._heard.items():
            counts = {"deliveries_total": len(facts), "used_total": len(facts)}
            others = ("unused_total", "duplicates_total", "bus_gaps_total", "deliveries_held")
            for name, value in {**counts, **dict.fromkeys(others, 0)}.items():
                found[f"xivo_exporter_{name}", frozenset({("bus", bus)})] = value
            found |= verdict.expected(facts, time.time())
        return found

    def log(self) -> str:
        return ""


def judged(change: Callable[[list[Fact]], None]) -> ClusterOutcome:
    """Return what is said of a cluster of two that heard other messages of a bus than there were.

    Args:
        change: Is given the messages of one bus.
    """
    sources = {
        bus: Numbered(seed=seed, rate=10, now=time.time(), bus=bus, origin=f"{UUID(int=seed)}")
        for seed, bus in enumerate(("site-0", "site-1"), 1)
    }
    heard: dict[str, list[Fact]] = {}
    for bus, source in sources.items():
        source.take(400)
        heard[bus] = [*source.history]
    change(heard["site-1"])
    processes = [_Process({bus: facts}) for bus, facts in heard.items()]
    outcome = ClusterOutcome()
    judge(cast("list[Exporter]", processes), sources, outcome)
    return outcome


def test_a_cluster_that_heard_all_is_good() -> None:
    outcome = judged(lambda _: None)
    assert outcome.faults == []
    assert outcome.series > 100


def test_one_message_that_a_cluster_lost_is_noticed() -> None:
    def change(facts: list[Fact]) -> None:
        del facts[203]

    outcome = judged(change)
    assert (outcome.lost, outcome.doubled) == (1, 0)
    assert outcome.faults[0] == "site-1: 1 messages lost"
    assert len(outcome.faults) > 1


def test_one_message_that_a_cluster_counted_twice_is_noticed() -> None:
    outcome = judged(lambda facts: facts.insert(203, facts[203]))
    assert (outcome.lost, outcome.doubled) == (0, 1)
    assert outcome.faults[0] == "site-1: 1 messages counted twice"


def test_one_message_lost_for_another_one_doubled_is_noticed() -> None:
    def change(facts: list[Fact]) -> None:
        facts[203] = next(fact for fact in facts if fact.name == "chat_message_event")

    outcome = judged(change)
    assert (outcome.lost, outcome.doubled) == (0, 0)
    assert any("xivo_bus_events_total" in fault for fault in outcome.faults)
