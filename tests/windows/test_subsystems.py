"""The windows of the subsystems, from deliveries to series."""

from __future__ import annotations

from typing import Any

import pytest

from dataflows import queue_call_metrics
from dataflows.decode import Decode
from dataflows.items import Opened
from dataflows.lengths import parse_lengths
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.outputs import Changes
from dataflows.stage import Stage
from dataflows.subsystems import SUBSYSTEMS, bus, deliveries
from tests.windows.driver import WINDOWED, Driver
from tests.windows.letters import ORIGINS, SECOND, Letter

NOON = 1_449_748_800
ORIGIN = ORIGINS[0]


class Minutes:
    """A driver that starts at noon; times are seconds after noon."""

    def __init__(self, windows: str = "1m") -> None:
        self.driver = Driver(windows, NOON)

    def send(
        self, at: float, *events: tuple[float, str, dict[str, Any]], is_busy: bool = False
    ) -> None:
        """Process a batch.

        Args:
            at: Time of its arrival.
            events: Time, name and data of each event.
            is_busy: No state was called by the clock since the last batch.
        """
        if is_busy:
            self.driver.now = NOON + at
        else:
            self.driver.wait(NOON + at)
        now = round((NOON + at) * SECOND)
        letters = (
            Letter(name, data, ago=round((at - happened) * SECOND))
            for happened, name, data in events
        )
        posted = [letter.post(now) for letter in letters]
        self.driver.take([(delivery, fact) for delivery, fact, _ in posted])

    def shown(self, until: float, stem: str, *labels: str) -> tuple[float, float, float]:
        """Wait until a time; return minimum, maximum and mean."""
        low, high, mean = (self._get(until, f"{stem}_{end}", *labels) for end in _ENDS)
        return low, high, mean

    def count(self, until: float, metric: str) -> float:
        """Wait until a time; return a count."""
        return self._get(until, metric)

    def _get(self, until: float, metric: str, *labels: str) -> float:
        self.driver.wait(NOON + until)
        self.driver.check()
        return self.driver.shown[metric, (ORIGIN, *labels, "1m")]


_ENDS = ("min", "max", "avg")


def agent(number: int, *, is_in: bool) -> tuple[str, dict[str, Any]]:
    status = "logged_in" if is_in else "logged_out"
    return "agent_status_update", {"agent_id": number, "status": status}


def endpoint(number: int, status: int) -> tuple[str, dict[str, Any]]:
    return "endpoint_status_update", {"endpoint_id": number, "status": status}


def registered(service_id: str) -> tuple[str, dict[str, Any]]:
    data = {"service_name": "xivo-agentd", "service_id": service_id, "address": "h", "port": 9495}
    return "service_registered_event", data


def deregistered(service_id: str) -> tuple[str, dict[str, Any]]:
    data = {"service_name": "xivo-agentd", "service_id": service_id}
    return "service_deregistered_event", data


def test_every_windowed_metric_is_under_test() -> None:
    declared = {
        spec.name
        for subsystem in SUBSYSTEMS
        for spec in subsystem.metrics
        if "window" in spec.labels and spec not in (deliveries.WINDOW_END, bus.WINDOW_START)
    }
    # Those of calls have an oracle of their own: `tests/laws/calls_truth.py`.
    calls = {spec.name for spec in queue_call_metrics.METRICS}
    assert declared - calls == WINDOWED


def test_a_peak_of_agents_shows() -> None:
    minutes = Minutes()
    minutes.send(10, (10, *agent(1, is_in=True)))
    minutes.send(20, (20, *agent(2, is_in=True)), (20, *agent(3, is_in=True)))
    minutes.send(25, (25, *agent(2, is_in=False)), (25, *agent(3, is_in=False)))
    assert minutes.shown(60, "xivo_agents_logged_in") == (1, 3, (45 * 1 + 5 * 3) / 50)


def test_a_service_that_is_down_for_three_seconds_shows() -> None:
    minutes = Minutes()
    minutes.send(-10, (-10, *registered("a")))
    minutes.send(30, (30, *deregistered("a")))
    minutes.send(33, (33, *registered("b")))
    assert minutes.shown(60, "xivo_service_up", "xivo-agentd") == (0, 1, 57 / 60)
    assert minutes.shown(120, "xivo_service_up", "xivo-agentd") == (1, 1, 1)


@pytest.mark.parametrize("status", [1, 2, 3, 9, 16, 17, 18, 24, 25])
def test_any_combination_with_a_call_is_in_use(status: int) -> None:
    minutes = Minutes()
    minutes.send(0, (0, *endpoint(7, status)))
    assert minutes.shown(60, "xivo_endpoints_in_use") == (1, 1, 1)


@pytest.mark.parametrize("status", [0, 4, 8, 12])
def test_idle_ringing_and_lost_endpoints_are_not_in_use(status: int) -> None:
    minutes = Minutes()
    minutes.send(0, (0, *endpoint(7, status)))
    assert minutes.shown(60, "xivo_endpoints_in_use") == (0, 0, 0)


def test_a_removed_endpoint_is_no_longer_in_use() -> None:
    minutes = Minutes()
    minutes.send(0, (0, *endpoint(7, 24)))
    minutes.send(30, (30, *endpoint(7, -1)))
    assert minutes.shown(60, "xivo_endpoints_in_use") == (0, 1, 1 / 2)


def test_an_endpoint_flaps_when_it_is_lost_three_times() -> None:
    minutes = Minutes()
    for at, status in enumerate((4, 0, 4, 4, 1, 4)):
        minutes.send(at, (at, *endpoint(7, status)), (at, *endpoint(8, 4)))
    assert minutes.count(60, "xivo_endpoints_flapping") == 1
    assert minutes.count(120, "xivo_endpoints_flapping") == 0


@pytest.mark.parametrize(
    ("newer", "older"),
    [(registered("a"), deregistered("a")), (endpoint(7, 0), endpoint(8, 4))],
    ids=["services", "endpoints"],
)
def test_any_event_after_the_end_of_a_window_closes_it(
    newer: tuple[str, dict[str, Any]], older: tuple[str, dict[str, Any]]
) -> None:
    # An older event after it in the same batch is late, and counted as late.
    minutes = Minutes()
    minutes.send(0, (0, *registered("a")), (0, *endpoint(7, 0)))
    minutes.send(61, (61, *newer), (59, *older), is_busy=True)
    minutes.driver.check()
    minutes.driver.wait(NOON + 180)
    minutes.driver.check()


def test_a_late_id_counts_in_the_next_window() -> None:
    minutes = Minutes()
    minutes.send(0, (0, *endpoint(7, 4)))
    minutes.send(1, (1, *endpoint(7, 0)))
    minutes.send(2, (2, *endpoint(7, 4)))
    minutes.send(3, (3, *endpoint(7, 0)))
    minutes.send(61, (61, *endpoint(8, 0)), (59, *endpoint(7, 4)), is_busy=True)
    assert minutes.count(61, "xivo_endpoints_flapping") == 0
    assert minutes.driver.late == {"endpoints": 1}


def test_late_events_are_counted_for_their_own_subsystem() -> None:
    minutes = Minutes("5s,1m")
    minutes.send(10, (10, *agent(1, is_in=True)), (10, *endpoint(7, 1)))
    minutes.send(21, (19.999999, *agent(2, is_in=True)), (20, *agent(3, is_in=True)))
    minutes.driver.check()
    assert minutes.driver.late == {"agents": 1}


def test_an_impossible_time_is_replaced_by_the_arrival_and_counted() -> None:
    minutes = Minutes()
    minutes.send(0, (0, *agent(1, is_in=False)))
    impossible = ("agent_status_update", {"agent_id": 1, "status": "logged_in"})
    minutes.driver.oracle.clamped += 1
    minutes.send(30, (-NOON, *impossible))
    assert minutes.shown(60, "xivo_agents_logged_in") == (0, 1, 1 / 2)
    assert minutes.driver.clamped == 1


def test_a_closed_window_never_changes_until_the_next_one_closes() -> None:
    minutes = Minutes("1m,5m")
    minutes.send(-400, (-400, *agent(1, is_in=True)))
    minutes.driver.wait(NOON)
    closed = dict(minutes.driver.shown)
    for at in range(1, 60):
        minutes.send(at, (at - 100, *agent(at % 3, is_in=bool(at % 2))))
        minutes.send(at + 0.5, (at - 1, *endpoint(at % 3, 1)))
        assert minutes.driver.shown == closed
    minutes.driver.wait(NOON + 60)
    changed = {series for series in closed if minutes.driver.shown[series] != closed[series]}
    assert {labels for _, labels in changed} == {(ORIGIN, "1m")}


def test_windows_close_on_an_idle_bus() -> None:
    clock = NOON + 1.0
    options = Options(windows=parse_lengths("7s,1m"))
    stage = Stage(SUBSYSTEMS, options, lambda: clock)
    decode = Decode(SUBSYSTEMS, lambda _: None, lambda *_: None, Origins(print))
    ((_, opened),) = decode([Opened("default", clock)])
    logic = stage(None)
    outputs, _ = logic.on_batch([opened])
    for _ in range(30):
        (changes,) = outputs
        assert isinstance(changes, Changes)
        ends = {labels: value for name, labels, value in changes.samples if "window_end" in name}
        assert all(
            value == clock // _SECONDS[name] * _SECONDS[name] for (name,), value in ends.items()
        )
        assert ends
        due = logic.notify_at()
        assert due is not None
        assert clock < due.timestamp() <= min(clock // n * n + n for n in _SECONDS.values())
        clock = due.timestamp()
        outputs, _ = logic.on_notify()


_SECONDS = {"7s": 7, "1m": 60}


def test_states_need_no_windows() -> None:
    stage = Stage(SUBSYSTEMS, Options(), lambda: float(NOON))
    decode = Decode(SUBSYSTEMS, lambda _: None, lambda *_: None, Origins(print))
    # An agent who is logged in lets a state be called once a minute, for the times of activities,
    # and one who has logged out some seconds later, in case it is a relog.
    events = (("agent_created", {"id": 1}), registered("a"))
    posted = [Letter(name, data).post(NOON * SECOND) for name, data in events]
    for _, value in decode([delivery for delivery, _, _ in posted]):
        logic = stage(None)
        logic.on_batch([value])
        assert logic.notify_at() is None
