"""Windows in real time, on a real bus: what scrapes miss, and when they close."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import cycle
from math import floor

import pytest

from exporter.clock import wall_clock
from tests.integration.bus import (
    ORIGIN,
    Wire,
    chat,
    chats,
    connected,
    count_of,
    event,
    meanwhile,
    own,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.support import Stopwatch, eventually, free_port

SECONDS = 5
WINDOWS = ("--windows", f"{SECONDS}s")
SLACK_SECONDS = 1.0
"""How late a window may close."""


def window_end(samples: Mapping[Series, float], seconds: int = SECONDS) -> float:
    labels = frozenset({("window", f"{seconds}s")})
    return samples.get(("xivo_exporter_window_end_timestamp_seconds", labels), 0.0)


def of_window(samples: Mapping[Series, float], metric: str, **labels: str) -> float | None:
    """Return a series of the last closed window, None where there is none yet."""
    every = {"origin_uuid": ORIGIN, "window": f"{SECONDS}s", **labels}
    return samples.get((metric, frozenset(every.items())))


def wait_until(at: float) -> float:
    """Wait until a time, and return what time it is then."""
    left = max(0.0, at - wall_clock())
    eventually(lambda: wall_clock() >= at, timeout=left + 5, what="time passes", interval=0.01)
    return wall_clock()


def closed(program: Exporter, end: float) -> dict[Series, float]:
    """Wait until a window is closed, and return the series of that moment."""

    def samples() -> dict[Series, float]:
        now = program.samples()
        return now if window_end(now) >= end else {}

    return eventually(samples, what=f"the window that ends at {end} is closed", interval=0.1)


def naive(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


# What scrapes miss

SERVICE = "xivo-ctid"
DOWN_SECONDS = 3.0


def registered(service_id: str, at: float) -> Wire:
    instance = {"service_name": SERVICE, "service_id": service_id, "address": "h", "port": 9495}
    return _stamped("service_registered_event", {**instance, "tags": []}, "registered", at)


def deregistered(service_id: str, at: float) -> Wire:
    instance = {"service_name": SERVICE, "service_id": service_id}
    return _stamped("service_deregistered_event", {**instance, "tags": []}, "deregistered", at)


def _stamped(name: str, data: object, what: str, at: float) -> Wire:
    headers = {"timestamp": naive(at)}
    return Wire(event(name, data), f"service.{what}.{SERVICE}", headers)


@pytest.mark.usefixtures("with_exchange")
def test_a_service_that_was_down_between_two_scrapes_shows_in_its_windows(
    broker: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(broker.url(), *WINDOWS, "--bus-timezone", "UTC"))
    publish(broker, "xivo", [registered("a", wall_clock())])
    processed(program, 1)
    start = (wall_clock() // SECONDS + 1) * SECONDS
    wait_until(start + 0.1)
    before = closed(program, start)
    down_at = wall_clock()
    publish(broker, "xivo", [deregistered("a", down_at)])
    up_at = wait_until(down_at + DOWN_SECONDS)
    publish(broker, "xivo", [registered("b", up_at)])
    # Without a look at it meanwhile.
    wait_until(start + SECONDS + 0.1)
    after = closed(program, start + SECONDS)
    assert window_end(after) == start + SECONDS
    for scrape in (before, after):
        assert count_of(scrape, "xivo_service_up", service_name=SERVICE) == 1
    for metric, expected in (
        ("xivo_service_up_min", 0),
        ("xivo_service_up_max", 1),
        # The stamps have microseconds.
        ("xivo_service_up_avg", pytest.approx(1 - (up_at - down_at) / SECONDS, abs=0.05)),
    ):
        assert of_window(after, metric, service_name=SERVICE) == expected, metric
    assert count_of(after, "xivo_service_unclean_restarts_total", service_name=SERVICE) == 0
    assert clamped(after) == 0
    # The next one knows nothing of it any more.
    later = closed(program, start + 2 * SECONDS)
    for metric in ("xivo_service_up_min", "xivo_service_up_max", "xivo_service_up_avg"):
        assert of_window(later, metric, service_name=SERVICE) == 1, metric


def clamped(samples: Mapping[Series, float]) -> float:
    return own(samples, "clamped_timestamps_total")


def agents(ids: range, status: str) -> list[Wire]:
    """Events without a time of their own, as XiVO's are."""
    return [
        Wire(event("agent_status_update", {"agent_id": i, "status": status}), "status.agent")
        for i in ids
    ]


@pytest.mark.usefixtures("with_exchange")
def test_a_peak_of_agents_between_two_scrapes_shows_in_their_windows(
    broker: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(broker.url(), *WINDOWS))
    publish(broker, "xivo", agents(range(3), "logged_in"))
    processed(program, 3)
    start = (wall_clock() // SECONDS + 1) * SECONDS
    wait_until(start + 0.1)
    before = closed(program, start)
    peak_at, watch = wall_clock(), Stopwatch()
    publish(broker, "xivo", agents(range(3, 10), "logged_in"))
    wait_until(peak_at + 0.5)
    publish(broker, "xivo", agents(range(3, 10), "logged_out"))
    lasted = wall_clock() - peak_at
    after = processed(program, 17)
    late = 0.25 + watch.waited
    for scrape in (before, after):
        assert count_of(scrape, "xivo_agents", status="logged_in") == 3
    assert of_window(after, "xivo_agents_logged_in_max") == 3
    after = closed(program, start + SECONDS)
    assert window_end(after) == start + SECONDS
    assert of_window(after, "xivo_agents_logged_in_max") == 10
    assert of_window(after, "xivo_agents_logged_in_min") == 3
    mean = of_window(after, "xivo_agents_logged_in_avg")
    assert mean is not None
    # They count from their arrival, which is a little after their publication.
    assert 3 < mean == pytest.approx(3 + 7 * lasted / SECONDS, abs=7 * late / SECONDS)
    later = closed(program, start + 2 * SECONDS)
    assert of_window(later, "xivo_agents_logged_in_max") == 3


# When they close


def assert_punctual(program: Exporter, windows: int = 2) -> None:
    """Scrape until so many windows have closed; none may be too early, and none too late."""
    first = window_end(program.samples())
    assert first, "there is no end of a window"
    latest, watch = 0.0, Stopwatch()

    def are_closed() -> bool:
        nonlocal latest, watch
        asked_at = wall_clock()
        end = window_end(program.samples())
        assert end % SECONDS == 0
        assert end <= wall_clock(), "it was closed too early"
        due = floor((asked_at - SLACK_SECONDS - watch.waited) / SECONDS) * SECONDS
        assert end >= due, f"it was open {asked_at - due} s after its end"
        assert end >= latest, "it went back"
        if end > latest:
            latest, watch = end, Stopwatch()
        return end >= first + windows * SECONDS

    eventually(
        are_closed, timeout=(windows + 2) * SECONDS, what="windows are closed", interval=0.05
    )


@contextmanager
def load(broker: Broker) -> Iterator[None]:
    """Publish without a pause, while something happens."""
    statuses = cycle(("logged_in", "logged_out"))

    def publish_more() -> None:
        publish(broker, "xivo", [*agents(range(100), next(statuses)), *chats(0, 200)])

    with meanwhile(publish_more):
        yield


@pytest.mark.usefixtures("with_exchange")
def test_windows_close_within_a_second_while_nothing_happens(
    broker: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(broker.url(), *WINDOWS))
    assert_punctual(program)
    assert own(program.samples(), "deliveries_total") == 0


@pytest.mark.usefixtures("with_exchange")
def test_windows_close_within_a_second_under_load(broker: Broker, exporter: RunExporter) -> None:
    program = connected(exporter(broker.url(), *WINDOWS))
    with load(broker):
        eventually(
            lambda: own(program.samples(), "deliveries_total") > 300, what="it is under load"
        )
        before = own(program.samples(), "deliveries_total")
        assert_punctual(program)
        samples = program.samples()
    assert own(samples, "deliveries_total") > before + 1000
    # Those of the states are closed, too: all that was said was said within the last ones.
    assert of_window(samples, "xivo_agents_logged_in_max") == 100
    assert of_window(samples, "xivo_agents_logged_in_min") == 0
    mean = of_window(samples, "xivo_agents_logged_in_avg")
    assert mean is not None
    assert 0 < mean < 100
    assert of_window(samples, "xivo_chat_senders") == 1


def test_windows_close_where_no_bus_was_ever_reached(exporter: RunExporter) -> None:
    program = exporter(f"amqp://127.0.0.1:{free_port()}", *WINDOWS)
    eventually(lambda: window_end(program.samples()), what="the dataflow runs")
    assert_punctual(program)
    samples = program.samples()
    assert own(samples, "bus_connects_total") == 0
    assert own(samples, "deliveries_total") == 0


def test_windows_close_while_the_bus_is_down_and_keep_the_last_values(
    private_broker: Broker, exporter: RunExporter
) -> None:
    private_broker.declare_exchange("xivo")
    program = connected(exporter(private_broker.url(), *WINDOWS))
    publish(private_broker, "xivo", agents(range(3), "logged_in"))
    processed(program, 3)
    private_broker.kill()
    eventually(lambda: own(program.samples(), "bus_connected") == 0, what="the end is noticed")
    assert_punctual(program)
    samples = program.samples()
    assert own(samples, "bus_connected") == 0
    for metric in ("logged_in_min", "logged_in_max", "logged_in_avg"):
        assert of_window(samples, f"xivo_agents_{metric}") == 3
    late = {labels: v for (name, labels), v in samples.items() if name == LATE}
    assert late
    assert not any(late.values())


LATE = "xivo_exporter_late_events_total"


# What waited in the inbox


@pytest.mark.usefixtures("with_exchange")
def test_events_that_waited_and_name_no_time_happened_before_the_connection(
    broker: Broker, exporter: RunExporter
) -> None:
    count = 3000
    program = connected(exporter(broker.url(), *WINDOWS, "--instance", "i"))
    assert program.terminate() == 0
    published_at = wall_clock()
    publish_chats(broker, 0, count - 1)
    publish(broker, "xivo", agents(range(1), "logged_in"))
    samples = processed(connected(program.start()), count)
    [line] = program.logged("connected")
    connected_at = datetime.fromisoformat(line["ts"]).timestamp()
    last_event = count_of(samples, "xivo_bus_last_event_timestamp_seconds")
    assert published_at <= last_event <= connected_at
    assert own(samples, "last_delivery_timestamp_seconds") == last_event
    # What comes after it happened after it.
    publish(broker, "xivo", [Wire(chat())])
    samples = processed(program, count + 1)
    assert count_of(samples, "xivo_bus_last_event_timestamp_seconds") > connected_at
    assert own(samples, "last_delivery_timestamp_seconds") > connected_at
