"""What panels show of the calls of a real Asterisk equals what its log says.

A recording is replayed. Its exposition of every two seconds is written into the store of a real
Prometheus, which then answers the queries as of the end of the recording, or of a moment in it.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from zlib import crc32

import pytest

from dataflows import queue_call_metrics as metrics
from tests.dashboards.grafana import Choices, panel
from tests.dashboards.prometheus import Prometheus
from tests.pipeline import Pipeline
from tests.recordings.calls import CHANGES, calls, quiet_snapshots, refused, service_result, traced
from tests.recordings.truth import CALL_CENTRE, OUTCOMES, Expected, Visit, expected, visits
from tests.support import missing, promtool

pytestmark = pytest.mark.promtool

STEP = 2
SLACK = 60
FAILOVER = 600
"""When a standby takes over, seconds after the beginning."""
LOOKBACK = 300
"""How long Prometheus shows the last value of a series, in a store that was not scraped live."""
CHANGED = [each.message.time for each in calls(CALL_CENTRE) if each.name in CHANGES]
SHOWN = ("xivo_queue_", "xivo_origin_info", "xivo_state_known{")

Page = tuple[float, tuple[str, ...]]
"""Unix seconds, and the lines of an exposition."""

Numbers = dict[tuple[str, ...], float]


@cache
def pages() -> tuple[Page, ...]:
    """Replay the call centre, and return its exposition of every two seconds."""
    recorded = calls(CALL_CENTRE)
    pipeline = Pipeline(windows="1m,today")
    begin = recorded[0].message.time // STEP * STEP
    end = recorded[-1].message.time + SLACK
    found: list[Page] = []
    position = 0
    for at in range(int(begin) + STEP, int(end), STEP):
        while position < len(recorded) and recorded[position].message.time <= at:
            pipeline.advance(recorded[position].message.time)
            pipeline.take([recorded[position].message.delivery("default", pipeline.now)])
            position += 1
        pipeline.advance(at)
        lines = pipeline.text().splitlines()
        found.append((at, tuple(line for line in lines if line.startswith(SHOWN))))
    return tuple(found)


def _of(instance: int, line: str) -> str:
    return line.replace("{", f'{{job="xivo",instance="{instance}",', 1)


def one(_: float, line: str) -> list[str]:
    """Let one exporter show everything."""
    return [_of(1, line)]


def replicas(_: float, line: str) -> list[str]:
    """Let two exporters show everything."""
    return [_of(1, line), _of(2, line)]


def cluster(_: float, line: str) -> list[str]:
    """Let each of two processes show a part."""
    return [_of(crc32(line.rpartition(" ")[0].encode()) % 2, line)]


def standby(passed: float, line: str) -> list[str]:
    """Let a standby show everything after a while, instead of the reader."""
    return [_of(1 if passed < FAILOVER else 2, line)]


LAYOUTS: Mapping[str, Callable[[float, str], list[str]]] = {
    each.__name__: each for each in (one, replicas, cluster, standby)
}


@pytest.fixture(scope="module", params=list(LAYOUTS))
def prometheus(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A Prometheus that has scraped the replayed recording."""
    directory = tmp_path_factory.mktemp(request.param)
    text = directory / "scraped.txt"
    first = pages()[0][0]
    with text.open("w") as file:
        for at, lines in pages():
            for line in lines:
                file.writelines(
                    f"{shown} {at}\n" for shown in LAYOUTS[request.param](at - first, line)
                )
        file.write("# EOF\n")
    tool = promtool() or missing("promtool", "apt-get install prometheus")
    backfill = [tool, "tsdb", "create-blocks-from", "openmetrics", text, directory / "store"]
    subprocess.run(list(map(str, backfill)), check=True, capture_output=True, timeout=60)
    with Prometheus(directory, {}) as server:
        yield server


@pytest.fixture
def has_counters(request: pytest.FixtureRequest) -> None:
    """Skip a standby, whose counters begin in the middle: `increase` sees only a part of them."""
    if "standby" in request.node.name:
        pytest.skip("the counters of a standby are seen from its failover on")


@cache
def seen() -> tuple[Visit, ...]:
    """Return the visits whose ends raised a counter between two scrapes.

    `increase` does not see what happened before the first scrape of a series.
    """
    first: dict[str, float] = {}
    for each in traced():
        first.setdefault(each.visit.queue, each.joined.message.time // STEP * STEP + STEP)
    return tuple(
        each.visit for each in traced() if each.left.message.time > first[each.visit.queue]
    )


@cache
def of_queues() -> Mapping[str, float]:
    """Return the names of the queues, with nothing."""
    return dict.fromkeys(sorted({each.queue for each in visits(CALL_CENTRE)}), 0)


def counted(of_all: Sequence[Visit], *results: str) -> Numbers:
    """Count the visits of each queue with some results for the service level."""
    found = Counter(of_queues())
    found.update(v.queue for v in of_all if service_result(v) in results)
    return {(queue,): count for queue, count in found.items()}


def ended(outcome: str) -> Numbers:
    """Count the visits of each queue with an outcome."""
    found = Counter(of_queues())
    found.update(v.queue for v in visits(CALL_CENTRE) if v.outcome == outcome)
    return {(queue,): count for queue, count in found.items()}


def share(of_all: Sequence[Visit]) -> Numbers:
    """Compute the service level of each queue."""
    in_time, missed = counted(of_all, "in_time"), counted(of_all, "missed")
    return {
        queue: count / (count + missed[queue])
        for queue, count in in_time.items()
        if count + missed[queue]
    }


def summed(numbers: Numbers, *labels: str) -> Numbers:
    return {labels: sum(numbers.values())}


def service_level() -> Numbers:
    in_time, missed = (
        sum(counted(visits(CALL_CENTRE), each).values()) for each in ("in_time", "missed")
    )
    return {("20",): in_time / (in_time + missed)}


def below(seconds: list[int], bounds: tuple[float, ...]) -> Numbers:
    """Count what is at most each bound of a histogram."""
    found: Numbers = {(f"{bound:.1f}",): sum(each <= bound for each in seconds) for bound in bounds}
    return found | {("+Inf",): len(seconds)}


def waits(*, is_answered: bool) -> list[int]:
    outcomes = ("answered",) if is_answered else ("abandoned", "expired", "left")
    return [v.wait for v in seen() if v.outcome in outcomes and v.wait is not None]


def talks() -> list[int]:
    return [each.talk for each in visits(CALL_CENTRE) if each.talk is not None]


def per_queue(metric: Callable[[Expected], float]) -> Numbers:
    """Return a number of each queue."""
    return {(queue,): metric(each) for queue, each in expected(CALL_CENTRE).items()}


NOW: dict[tuple[str, str, str], Callable[[], Numbers]] = {
    ("wallboard", "answered today", "A"): lambda: summed(ended("answered")),
    ("wallboard", "abandoned today", "A"): lambda: summed(ended("abandoned")),
    ("wallboard", "percentunit", "A"): service_level,
    ("call_centre", "Answered today", "A"): lambda: summed(ended("answered")),
    ("call_centre", "Abandoned today", "A"): lambda: summed(ended("abandoned")),
    ("call_centre", "Service level today", "A"): service_level,
    ("call_centre", "Queues now", "G"): lambda: ended("answered"),
    ("call_centre", "Queues now", "H"): lambda: ended("abandoned"),
    ("call_centre", "Queues now", "I"): lambda: share(visits(CALL_CENTRE)),
}
"""Exact, also after a failover: numbers of the window `today`."""

INCREASES: dict[tuple[str, str, str], Callable[[], Numbers]] = {
    ("call_centre", "Service level of each queue", "B"): lambda: counted(seen(), "in_time"),
    ("call_centre", "Service level of each queue", "C"): lambda: counted(seen(), "missed"),
    ("call_centre", "Service level of each queue", "D"): lambda: counted(seen(), "abandoned_early"),
    ("call_centre", "Service level of each queue", "E"): lambda: share(seen()),
    ("call_centre", "Rings without answer, by queue", "A"): lambda: per_queue(
        lambda each: each.ring_no_answer
    ),
    ("call_centre", "Calls refused, by queue", "A"): lambda: {
        **{(queue,): 0 for queue in of_queues()},
        **{(queue,): count for (_, queue), count in refused(CALL_CENTRE).items()},
    },
}
RATES: dict[tuple[str, str, str], Callable[[], Numbers]] = {
    ("call_centre", "How long answered callers had waited", "A"): lambda: below(
        waits(is_answered=True), metrics.WAIT.buckets
    ),
    ("call_centre", "How long unanswered callers waited", "A"): lambda: below(
        waits(is_answered=False), metrics.WAIT.buckets
    ),
    ("call_centre", "How long callers and members talked", "A"): lambda: below(
        talks(), metrics.TALK.buckets
    ),
    ("call_centre", "Ended talks per minute, by who ended them", "A"): lambda: {
        (by,): sum(each.by == by for each in visits(CALL_CENTRE))
        for by in ("agent", "caller", "transfer")
    },
}


def shown(prometheus: Prometheus, place: tuple[str, str, str], at: float) -> Numbers:
    """Run the query of a panel over the whole recording, up to a time."""
    stem, title, letter = place
    (expr,) = (one["expr"] for one in panel(stem, title).queries if one["refId"] == letter)
    whole = int(at - pages()[0][0]) + SLACK
    query = Choices(seconds=whole, window="1m").spell(expr).replace("[60s]", f"[{whole}s]")
    factor = whole / 60 if "rate(" in expr else 1
    labels = ("queue", "within", "le", "by", "outcome")
    return {
        tuple(each.labels[name] for name in labels if name in each.labels): factor * each.value
        for each in prometheus.query(query, at)
    }


@pytest.mark.parametrize("place", NOW, ids="-".join)
def test_numbers_of_today_are_exactly_those_of_the_log(
    prometheus: Prometheus, place: tuple[str, str, str]
) -> None:
    assert shown(prometheus, place, pages()[-1][0]) == pytest.approx(NOW[place]())


@pytest.mark.usefixtures("has_counters")
@pytest.mark.parametrize("place", [*INCREASES, *RATES], ids="-".join)
def test_numbers_of_a_time_range_are_those_of_the_log(
    prometheus: Prometheus, place: tuple[str, str, str]
) -> None:
    wanted = (INCREASES | RATES)[place]()
    # The store has samples every two seconds of a quarter of an hour.
    assert shown(prometheus, place, pages()[-1][0]) == pytest.approx(wanted, rel=0.01, abs=0.02)


@pytest.mark.usefixtures("has_counters")
def test_the_calls_of_each_hour_are_those_of_the_log(prometheus: Prometheus) -> None:
    begin, last = pages()[0][0], pages()[-1][0]
    hours = range(int(begin // 3600 * 3600), int(last), 3600)
    place = ("call_centre", "Calls of the last day, by hour and outcome", "A")
    for hour in hours:
        wanted = {
            (outcome,): sum(
                each.outcome == outcome and hour <= (each.left or 0) < hour + 3600
                for each in seen()
            )
            for outcome in OUTCOMES
        }
        assert shown(prometheus, place, hour) == pytest.approx(wanted, rel=0.01, abs=0.02)


@pytest.mark.parametrize("title", ["Callers waiting", "Longest wait now"])
def test_who_waits_is_what_asterisk_answered(prometheus: Prometheus, title: str) -> None:
    compared = 0
    for snapshot in quiet_snapshots():
        at = snapshot.time // STEP * STEP
        if FAILOVER <= at - pages()[0][0] < FAILOVER + LOOKBACK:
            continue
        if any(at < change <= snapshot.time for change in CHANGED):
            continue
        ((_, value),) = shown(prometheus, ("call_centre", title, "A"), at).items()
        if title == "Callers waiting":
            assert value == sum(snapshot.callers.values())
        else:
            oldest = min(snapshot.oldest.values(), default=at)
            # Asterisk tells whole seconds.
            assert value == pytest.approx(max(0, at - oldest), abs=1)
        compared += bool(snapshot.callers)
    assert compared >= 10
