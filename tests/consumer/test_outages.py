"""What is logged about a connection: bounded for each address, and true at the end."""

import logging
from collections import defaultdict
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from exporter.consumer.outages import Outages
from exporter.exposition.telemetry import BusStatus

PER_MINUTE = 6


class Log:
    """A consumer's outages with a clock of their own, and the lines that they write."""

    def __init__(self, addresses: int = 1) -> None:
        self.now = 1000.0
        self.lines: list[tuple[float, dict[str, Any]]] = []
        self.last_problem = ""
        self.status = BusStatus("default", "a", "xivo")
        logger = structlog.wrap_logger(
            self,
            processors=[structlog.stdlib.add_log_level, self._keep],
            wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        )
        self.outages = Outages(self.status, addresses, logger, lambda: 7.0, lambda: self.now)

    def _keep(self, logger: object, method: str, event: structlog.typing.EventDict) -> Any:  # noqa: ANN401 -- structlog's
        del logger, method
        self.lines.append((self.now, dict(event)))
        raise structlog.DropEvent

    def connect(self, url: str = "a") -> None:
        self.status.url = url
        self.outages.on_connected(inbox="i", waiting=0)

    def fail(self, problem: str, url: str = "a") -> None:
        self.status.url = url
        self.outages.on_fault(problem)

    def wait(self, seconds: float) -> None:
        """Let time pass as a consumer does: connected, it is called again and again."""
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + 2.5)
            if self.status.connected:
                self.outages.on_time()
            elif self.status.problem and self.last_problem:
                self.fail(self.last_problem, self.status.url)

    def events(self) -> list[str]:
        return [line["event"] for _, line in self.lines]


def test_each_change_is_logged_at_once_and_each_problem_once() -> None:
    log = Log()
    log.fail("refused")
    log.fail("refused")
    log.fail("slow")
    log.fail("refused")
    log.connect()
    log.fail("refused")
    assert [(line["event"], line.get("problem")) for _, line in log.lines] == [
        ("cannot connect, retrying", "refused"),
        ("cannot connect, retrying", "slow"),
        ("connected", None),
        ("disconnected", "refused"),
    ]
    assert {line["broker"] for _, line in log.lines} == {"a"}
    assert [line["level"] for _, line in log.lines] == ["warning", "warning", "info", "warning"]


def test_the_status_follows() -> None:
    log = Log(addresses=2)
    log.fail("refused", "a")
    log.fail("slow", "b")
    status = log.status
    assert (status.connected, status.problem) == (False, "a: refused; b: slow")
    log.connect("a")
    assert (status.connected, status.problem, status.connects, status.since) == (True, "", 1, 7.0)
    log.fail("closed", "a")
    assert (status.connected, status.problem, status.disconnects) == (False, "a: closed", 1)


def test_a_problem_is_told_without_the_address_if_there_is_only_one() -> None:
    log = Log()
    log.fail("refused")
    assert log.status.problem == "refused"


@pytest.mark.parametrize("ends_connected", [True, False])
def test_a_flood_ends_with_the_state_that_lasts(ends_connected: bool) -> None:
    log = Log()
    for i in range(100):
        log.connect()
        log.now += 0.1
        log.fail(f"closed {i}")
        log.now += 0.1
    if ends_connected:
        log.connect()
    log.last_problem = log.status.problem
    log.wait(65)
    newest = log.lines[-1][1]
    assert newest["event"] == ("connected" if ends_connected else "disconnected")
    if not ends_connected:
        assert newest["problem"] == "closed 99"
    assert newest["held_back"] == 100 - PER_MINUTE - (not ends_connected)
    assert len(log.lines) <= 3 * PER_MINUTE + 1


def test_the_first_lines_after_a_calm_time_appear_at_once() -> None:
    log = Log()
    for _ in range(50):
        log.connect()
        log.fail("closed")
    log.wait(120)
    before = len(log.lines)
    log.connect()
    log.fail("again")
    assert log.events()[before:] == ["connected", "disconnected"]


def test_a_flapping_address_does_not_silence_another_one() -> None:
    log = Log(addresses=2)
    for i in range(50):
        log.fail(f"closed {i}", "a")
    log.fail("slow", "b")
    assert log.lines[-1][1]["broker"] == "b"


def test_other_lines_of_the_bus_are_bounded_too() -> None:
    log = Log()
    for i in range(50):
        log.outages.note(logging.WARNING, "kind", "something", i=i)
    assert [line["i"] for _, line in log.lines] == [*range(PER_MINUTE)]


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["connect", "fail", "fail", "time"]),
        st.sampled_from("ab"),
        st.sampled_from(["p", "q", "r"]),
        st.sampled_from([0.0, 0.1, 1.0, 20.0, 70.0]),
    ),
    max_size=150,
)


def _follow(log: Log, steps: list[tuple[str, str, str, float]]) -> None:
    for what, url, problem, pause in steps:
        if what == "connect" and not log.status.connected:
            log.connect(url)
        elif what == "fail":
            log.fail(problem, log.status.url if log.status.connected else url)
        elif what == "time":
            log.outages.on_time()
        log.last_problem = problem
        log.now += pause


@given(_STEPS)
def test_however_it_flaps_the_lines_of_each_address_and_kind_are_bounded(
    steps: list[tuple[str, str, str, float]],
) -> None:
    log = Log(addresses=2)
    _follow(log, steps)
    log.wait(65)
    times = defaultdict(list)
    for at, line in log.lines:
        times[line["event"], line["broker"]].append(at)
    for each in times.values():
        for first, seventh in zip(each, each[PER_MINUTE:], strict=False):
            assert seventh - first >= 60


@given(_STEPS)
def test_however_it_flaps_the_log_ends_with_the_state_and_a_new_problem(
    steps: list[tuple[str, str, str, float]],
) -> None:
    log = Log(addresses=2)
    _follow(log, [*steps, ("fail", "a", "new", 0.0)])
    log.wait(65)
    newest = [line for _, line in log.lines if line["broker"] == log.status.url][-1]
    assert not log.status.connected
    assert newest["problem"] == "new"
    assert log.lines[-1][1]["event"] != "connected"
    log.connect()
    log.wait(65)
    assert log.lines[-1][1]["event"] == "connected"


@given(_STEPS)
def test_every_change_is_logged_or_counted_as_held_back(
    steps: list[tuple[str, str, str, float]],
) -> None:
    log = Log(addresses=2)
    _follow(log, steps)
    log.wait(125)
    # The counts of a flood come with the next line of their kind.
    for url in "ab":
        log.connect(url)
        log.fail("the last one", url)
    for kind, changes in (
        ("connected", log.status.connects),
        ("disconnected", log.status.disconnects),
    ):
        lines = [line for _, line in log.lines if line["event"] == kind]
        assert len(lines) + sum(line.get("held_back", 0) for line in lines) == changes
