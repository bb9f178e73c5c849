"""The windows of the calls of a queue, against a count of the whole history."""

from __future__ import annotations

import pickle
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from dataflows.call_windows import METRICS, CallWindows
from dataflows.days import Today
from dataflows.lengths import Length
from dataflows.metric import Samples
from dataflows.queue_call_metrics import Outcome, ServiceResult

QUEUE = ("pbx", "support")
MINUTE = Length("1m", 60)
TODAY = Today(UTC)
DAY = 86_400

Visit = tuple[float, Outcome, float | None, ServiceResult | None]


class Calls:
    """The windows of a queue."""

    def __init__(self, at: float = 0, *lengths: Length | Today) -> None:
        self.samples = Samples()
        self.windows = CallWindows(self.samples, METRICS, QUEUE, lengths or (MINUTE, TODAY), at=at)

    def end(self, *visits: Visit) -> None:
        for visit in visits:
            self.windows.end(*visit)

    def shown(self, window: str) -> dict[str, float]:
        """Return the series of a window, by outcome, by result or by metric."""
        series = {(name, labels): n for name, labels, n in self.samples_of() if n is not None}
        return {
            labels[2] if len(labels) == 4 else name: n
            for (name, labels), n in series.items()
            if labels[-1] == window
        }

    def samples_of(self) -> list[tuple[str, tuple[str, ...], float | None]]:
        self.samples.mark_all()
        return list(self.samples.drain())  # type: ignore[arg-type] # they are numbers


NONE: dict[str, float] = dict.fromkeys((*Outcome, "in_time", "missed"), 0)


def expected(visits: list[Visit], start: float, end: float) -> dict[str, float]:
    """Count the visits that ended in a window."""
    ended = [visit for visit in visits if start <= visit[0] < end]
    numbers: dict[str, float] = {
        outcome.value: sum(visit[1] is outcome for visit in ended) for outcome in Outcome
    }
    results = [visit[3] for visit in ended]
    in_time, missed = results.count(ServiceResult.IN_TIME), results.count(ServiceResult.MISSED)
    numbers |= {"in_time": in_time, "missed": missed}
    if in_time + missed:
        numbers["xivo_queue_service_level_ratio"] = in_time / (in_time + missed)
    if waits := [visit[2] for visit in ended if visit[2] is not None]:
        numbers["xivo_queue_wait_max_seconds"] = max(waits)
    return numbers


VISITS = st.lists(
    st.tuples(
        st.integers(0, 400) | st.integers(DAY - 100, DAY + 200),
        st.sampled_from(Outcome),
        st.none() | st.integers(0, 900),
        st.none() | st.sampled_from(ServiceResult),
    ),
    max_size=30,
).map(lambda visits: sorted(visits, key=lambda visit: visit[0]))


@given(VISITS, st.integers(0, 300))
def test_windows_of_calls_count_the_visits_that_ended_in_them(
    visits: list[Visit], pause: int
) -> None:
    calls = Calls()
    for number, visit in enumerate(visits, 1):
        at = visit[0]
        calls.end(visit)
        assert calls.shown("today") == expected(visits[:number], at // DAY * DAY, at + 1)
        if at >= 60:
            closed = at // 60 * 60
            assert calls.shown("1m") == expected(visits, closed - 60, closed)
    now = (visits[-1][0] if visits else 0) + pause
    calls.windows.tick(now)
    assert calls.shown("today") == expected(visits, now // DAY * DAY, now + 1)
    closed = now // 60 * 60
    assert calls.shown("1m") == (expected(visits, closed - 60, closed) if closed else {})


def test_today_has_all_outcomes_before_the_first_visit() -> None:
    calls = Calls()
    assert calls.shown("today") == NONE
    assert calls.shown("1m") == {}


def test_a_visit_that_ended_yesterday_does_not_count_today_if_it_is_late() -> None:
    calls = Calls(DAY - 10)
    calls.windows.tick(DAY)
    calls.end((DAY - 1, Outcome.ANSWERED, 12, ServiceResult.IN_TIME))
    assert calls.shown("today") == NONE
    calls.end((DAY, Outcome.ABANDONED, 8, ServiceResult.ABANDONED_EARLY))
    assert calls.shown("today") == {**NONE, "abandoned": 1, "xivo_queue_wait_max_seconds": 8}
    calls.windows.tick(DAY + 60)
    assert calls.shown("1m")["answered"] == 1, "a late visit counts in the other windows"


def test_a_service_level_of_nothing_is_absent_and_of_only_missed_calls_is_0() -> None:
    calls = Calls()
    calls.end((1, Outcome.ABANDONED, 3, ServiceResult.ABANDONED_EARLY))
    assert "xivo_queue_service_level_ratio" not in calls.shown("today")
    calls.end((2, Outcome.ABANDONED, 90, ServiceResult.MISSED))
    assert calls.shown("today")["xivo_queue_service_level_ratio"] == 0
    calls.windows.tick(60)
    assert calls.shown("1m")["xivo_queue_service_level_ratio"] == 0
    calls.windows.tick(120)
    assert calls.shown("1m") == NONE


def test_a_visit_changes_only_the_series_that_it_changes() -> None:
    calls = Calls()
    calls.end((1, Outcome.ANSWERED, 30, ServiceResult.IN_TIME))
    calls.samples.drain()
    calls.end((2, Outcome.ANSWERED, 10, ServiceResult.IN_TIME))
    assert calls.samples.drain() == (
        ("xivo_queue_window_calls", (*QUEUE, "answered", "today"), 2),
        ("xivo_queue_window_service_level_calls", (*QUEUE, "in_time", "today"), 2),
    )


def test_a_window_that_is_left_out_takes_its_series_along() -> None:
    calls = Calls()
    calls.end((1, Outcome.ANSWERED, 30, ServiceResult.IN_TIME))
    calls.windows.resize((MINUTE,), 2)
    assert calls.shown("today") == {}
    calls.windows.tick(60)
    assert calls.shown("1m")["answered"] == 1


def test_the_windows_of_a_queue_are_small() -> None:
    calls = Calls(0, MINUTE, Length("5m", 300), TODAY)
    calls.end((1, Outcome.ANSWERED, 30, ServiceResult.IN_TIME))
    calls.windows._samples = Samples()  # noqa: SLF001 -- its size alone
    assert len(pickle.dumps(calls.windows)) < 4000
