"""Live traffic of any time zone shows its offset; no backlog does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, chain

from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.logouts import COUNT_SECONDS
from dataflows.metric import Histogram
from dataflows.zone_offsets import QUARTER_SECONDS, SPREAD_SECONDS, TOLERANCE_SECONDS
from tests.corpus import ARRIVED, ORIGIN, event
from tests.pipeline import WINDOWED, Pipeline, SeriesValues

OFFSET = "xivo_bus_clock_offset_seconds"
SESSIONS = "xivo_agent_session_duration_seconds"
HOUR, DAY = 3600.0, 86_400.0

# A day behind is the limit of what is possible: while the offset is not known, some stamps are
# replaced and some are not.
OFFSETS = (
    st.integers(-104, 104).map(lambda quarters: quarters * QUARTER_SECONDS).filter((-DAY).__ne__)
)


@dataclass(frozen=True)
class Login:
    """An agent that logs in or out.

    Attributes:
        pause: Seconds since the event before.
        delay: Seconds until it arrives.
        agent: Its id.
        is_in: Whether it logs in.
    """

    pause: float
    delay: float
    agent: int
    is_in: bool


# Quarters of a second are exact in binary.
LOGINS = st.builds(
    Login,
    st.integers(16, 48).map(lambda quarters: quarters / 4),
    st.integers(0, int(SPREAD_SECONDS * 4)).map(lambda quarters: quarters / 4),
    st.integers(1, 3),
    st.booleans(),
)


def minutes(count: int) -> st.SearchStrategy[list[Login]]:
    """Return a strategy for minutes of live traffic, with at least five events in each."""
    size = count * 16
    return st.lists(LOGINS, min_size=size, max_size=size).map(lambda found: _until(found, count))


def _until(found: list[Login], count: int) -> list[Login]:
    """Return the first of them, up to an event some minutes after the first."""
    times = [*accumulate(login.pause for login in found)]
    return found[: next(n for n, at in enumerate(times) if at - times[0] >= count * 60) + 1]


@dataclass(frozen=True)
class Arrival:
    """An event of busy traffic.

    Attributes:
        pause: Seconds since the arrival before.
        delay: Seconds since it happened.
    """

    pause: float
    delay: float


def arrivals(delay: float, *, most: int) -> st.SearchStrategy[list[Arrival]]:
    """Return a strategy for some arrivals with delays up to one in seconds."""
    quarters = st.integers(0, int(delay * 4)).map(lambda found: found / 4)
    return st.lists(st.builds(Arrival, st.sampled_from((0.5, 1.0)), quarters), max_size=most)


PROMPT = st.builds(lambda few: [Arrival(1.0, few / 4)], st.integers(0, int(SPREAD_SECONDS * 4)))
# At least every tenth event is prompt. 70 groups take a minute at least.
BUSY = st.lists(
    st.builds(lambda late, prompt: late + prompt, arrivals(5.0, most=9), PROMPT),
    min_size=70,
    max_size=70,
)


class Server:
    """A server whose stamps differ from this machine's by an offset and the error of its clock."""

    def __init__(self, offset: float, error: float = 0.0) -> None:
        self.pipeline = Pipeline(zone=None)
        self.true = ARRIVED
        self._ahead = offset + error

    def live(self, traffic: list[Login], *, to: float = 0.0) -> None:
        """Publish events, each of which arrives after its delay.

        Args:
            traffic: What happens.
            to: When it begins, Unix seconds; at once if that is over.
        """
        self.true = max(self.true, to)
        for login in traffic:
            self.true += login.pause
            self.arrive(login, self.true, self.true + login.delay)

    def arrive(self, login: Login, happened: float, arrived: float) -> None:
        pipeline = self.pipeline
        pipeline.wait(max(0.0, arrived - pipeline.now))
        stamp = datetime.fromtimestamp(happened + self._ahead).isoformat()  # noqa: DTZ006 -- this machine's own zone
        status = "logged_in" if login.is_in else "logged_out"
        data = {"agent_id": login.agent, "status": status}
        message = event("agent_status_update", data, timestamp=stamp)
        pipeline.take([message.delivery(arrived=arrived)])

    def windows(self) -> SeriesValues:
        """Return the values of all windows but the day, in which the offset was found."""
        return {
            key: v
            for key, v in self.pipeline.series().items()
            if key[0] in WINDOWED and key[1][-1] != "today"
        }

    def sessions(self) -> Histogram:
        found = self.pipeline.value(SESSIONS)
        assert isinstance(found, Histogram)
        return found


ERRORS = st.integers(
    -int(TOLERANCE_SECONDS - SPREAD_SECONDS), int(TOLERANCE_SECONDS - SPREAD_SECONDS)
)


@given(OFFSETS, ERRORS, minutes(1))
def test_any_offset_is_found_within_a_minute_of_live_traffic(
    offset: float, error: float, traffic: list[Login]
) -> None:
    server = Server(offset, error)
    server.live(traffic)
    assert server.pipeline.value(OFFSET) == offset
    assert server.pipeline.offsets == ([("default", ORIGIN, offset)] if offset else [])


@given(OFFSETS, ERRORS, BUSY)
@settings(max_examples=50)
def test_any_offset_is_found_within_a_minute_of_busy_traffic_with_any_delays(
    offset: float, error: float, groups: list[list[Arrival]]
) -> None:
    server = Server(offset, error)
    login = Login(0, 0, 1, is_in=True)
    at = began = ARRIVED
    for arrival in chain.from_iterable(groups):
        at += arrival.pause
        if at - began > 60:
            break
        server.arrive(login, at - arrival.delay, at)
    assert server.pipeline.value(OFFSET) == offset


@given(OFFSETS, ERRORS, minutes(1), minutes(1), minutes(1))
def test_from_then_on_windows_are_those_of_a_server_without_an_offset(
    offset: float, error: float, first: list[Login], second: list[Login], third: list[Login]
) -> None:
    servers = [Server(offset, error), Server(0.0, error)]
    for server in servers:
        server.live(first)
        # Until all windows in which the offset was found are closed.
        server.live(second, to=server.true + 600)
        server.pipeline.late.clear()
        server.live(third)
        server.pipeline.wait(300)
    assert servers[0].windows() == servers[1].windows()
    assert servers[0].pipeline.late == servers[1].pipeline.late


@given(OFFSETS, minutes(1), minutes(1))
def test_sessions_last_as_long_as_they_do_also_across_the_decision(
    offset: float, before: list[Login], after: list[Login]
) -> None:
    server = Server(offset)
    # As long as needed, so that no login belongs to a relog.
    traffic = [replace(login, pause=login.pause + COUNT_SECONDS) for login in [*before, *after]]
    server.live(traffic)
    server.pipeline.wait(COUNT_SECONDS)
    true: list[float] = []
    began: dict[int, float] = {}
    now = ARRIVED
    for login in traffic:
        now += login.pause
        if login.is_in:
            began.setdefault(login.agent, now)
        elif login.agent in began:
            true.append(now - began.pop(login.agent))
    sessions = server.sessions()
    assert sum(sessions.counts) == len(true)
    # Where a stamp could not be true, the arrival is used.
    assert abs(sessions.total - sum(true)) <= SPREAD_SECONDS * len(true)
    if -DAY < offset <= 0:
        assert sessions.total == sum(true)


@given(OFFSETS, minutes(1), minutes(1))
def test_agents_were_logged_in_as_long_as_they_were_also_across_the_decision(
    offset: float, before: list[Login], after: list[Login]
) -> None:
    server = Server(offset)
    server.live(before)
    decided = server.pipeline.now - ARRIVED
    server.live(after)
    server.pipeline.wait(600)
    true, logins = 0.0, 0
    began: dict[int, float] = {}
    now = ARRIVED
    for login in [*before, *after]:
        now += login.pause
        if login.is_in:
            logins += login.agent not in began
            began.setdefault(login.agent, now)
        elif login.agent in began:
            true += now - began.pop(login.agent)
    true += sum(server.pipeline.now - each for each in began.values())
    shown = server.pipeline.value("xivo_agent_activity_seconds_total", "unknown")
    assert isinstance(shown, float | int)
    # Where a stamp could not be true, the arrival is used, or the first sight of the server.
    slack = SPREAD_SECONDS * (logins + 1)
    assert true - 3 * decided - slack <= shown <= max(true, 3 * decided) + slack


@given(OFFSETS.filter(bool), OFFSETS.filter(bool), minutes(1), minutes(1))
def test_another_offset_is_found_within_a_minute_too(
    first: float, second: float, before: list[Login], after: list[Login]
) -> None:
    server = Server(first)
    server.live(before)
    server._ahead = second  # noqa: SLF001 -- the zone of the server was changed
    server.live(after)
    assert server.pipeline.value(OFFSET) == second


@given(
    st.lists(st.floats(0.01, 600), min_size=3, max_size=100),
    st.floats(1.1, 10_000) | st.none(),
    st.floats(0, 600),
    minutes(1),
)
@settings(max_examples=50)
def test_no_backlog_is_taken_for_an_offset(
    pauses: list[float], speed: float | None, waited: float, traffic: list[Login]
) -> None:
    """The backlog arrives at one moment, or some times as fast as it was published."""
    server = Server(0.0)
    happened = [ARRIVED - sum(pauses) - waited + at for at in accumulate(pauses)]
    login = Login(0, 0, 1, is_in=True)
    for each in happened:
        arrived = ARRIVED if speed is None else ARRIVED + (each - happened[0]) / speed
        server.arrive(login, each, max(arrived, each))
    server.live(traffic, to=server.pipeline.now)
    assert server.pipeline.offsets == []
    assert server.pipeline.value(OFFSET) == 0
