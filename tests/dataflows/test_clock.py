"""The time of an event, and timers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import Countdown, aware, event_time

# 2026-06-15 12:00:00 UTC, a summer's day: Paris is two hours ahead.
NOON = 1_781_524_800.0
DAY = 86_400.0
PARIS = ZoneInfo("Europe/Paris")
ABSURD = (NOON, True)
ARRIVAL = (NOON, False)


def naive(offset: float) -> str:
    """Return noon plus an offset in seconds, as a server in UTC writes it."""
    return datetime.fromtimestamp(NOON + offset, UTC).replace(tzinfo=None).isoformat()


def ms(offset: float) -> int:
    """Return noon plus an offset in seconds, as the broker writes it."""
    return round((NOON + offset) * 1000)


def test_noon_is_noon() -> None:
    assert naive(0) == "2026-06-15T12:00:00"


@pytest.mark.parametrize(
    ("stamp", "stamp_ms", "expected"),
    [
        pytest.param(None, None, ARRIVAL, id="no stamp: the arrival"),
        pytest.param(naive(-3), None, (NOON - 3, False), id="the publisher's stamp"),
        pytest.param(naive(-3), ms(-2), (NOON - 3, False), id="the publisher before the broker"),
        pytest.param(None, ms(-2), (NOON - 2, False), id="the broker's stamp"),
        pytest.param(None, ms(-0.125), (NOON - 0.125, False), id="the broker's milliseconds"),
        pytest.param(naive(-0.25), None, (NOON - 0.25, False), id="microseconds"),
        pytest.param(naive(0), None, ARRIVAL, id="at once"),
        pytest.param(naive(0.5), None, ARRIVAL, id="half a second ahead"),
        pytest.param(naive(1), None, ARRIVAL, id="one second ahead is the limit"),
        pytest.param(naive(1.000001), None, ABSURD, id="more than a second ahead"),
        pytest.param(naive(3600), None, ABSURD, id="an hour ahead"),
        pytest.param("2100-01-01T00:00:00", None, ABSURD, id="the year 2100"),
        pytest.param("9999-12-31T23:59:59.999999", None, ABSURD, id="the last year"),
        pytest.param(naive(-3600), None, (NOON - 3600, False), id="an hour late"),
        pytest.param(naive(-DAY), None, (NOON - DAY, False), id="a day behind is the limit"),
        pytest.param(naive(-DAY - 0.000001), None, ABSURD, id="more than a day behind"),
        pytest.param("1970-01-01T00:00:00", None, ABSURD, id="the year 1970"),
        pytest.param("0001-01-01T00:00:00", None, ABSURD, id="the first year"),
        pytest.param(None, 0, ABSURD, id="a broker in 1970"),
        pytest.param(None, -1, ABSURD, id="a broker before 1970"),
        pytest.param(None, 2**63 - 1, ABSURD, id="a broker in the far future"),
        pytest.param(None, -(2**63), ABSURD, id="a broker in the far past"),
        pytest.param(
            "1970-01-01T00:00:00", ms(-2), ABSURD, id="an impossible stamp is not an absent one"
        ),
        pytest.param("", None, ARRIVAL, id="empty"),
        pytest.param("soon", None, ARRIVAL, id="not a time"),
        pytest.param("soon", ms(-2), (NOON - 2, False), id="not a time, but the broker has one"),
        pytest.param("2026-02-29T12:00:00", None, ARRIVAL, id="no leap year"),
        pytest.param("2026-06-15T25:00:00", None, ARRIVAL, id="no such hour"),
        pytest.param("2026-06-15T11:59:57Z", None, (NOON - 3, False), id="in UTC"),
        pytest.param("2026-06-15T13:59:57+02:00", None, (NOON - 3, False), id="with an offset"),
        pytest.param("2026-06-15 11:59:57", None, (NOON - 3, False), id="with a blank"),
    ],
)
def test_the_time_of_an_event(
    stamp: str | None, stamp_ms: int | None, expected: tuple[float, bool]
) -> None:
    assert event_time(stamp, stamp_ms, NOON, UTC) == expected


@pytest.mark.parametrize(
    ("stamp", "zone", "offset"),
    [
        ("2026-06-15T13:59:57", PARIS, -3),
        ("2026-06-15T11:59:57", UTC, -3),
        ("2026-06-15T07:59:57", timezone(timedelta(hours=-4)), -3),
        # The setting applies only to stamps without a UTC offset.
        ("2026-06-15T11:59:57+00:00", PARIS, -3),
        # A wrong zone is within the limit of a day, so it is not corrected.
        ("2026-06-15T10:59:57", UTC, -3603),
    ],
)
def test_naive_stamps_are_of_the_zone_that_is_set(stamp: str, zone: tzinfo, offset: float) -> None:
    assert event_time(stamp, None, NOON, zone) == (NOON + offset, False)


def test_without_a_zone_naive_stamps_are_of_this_machine() -> None:
    local = datetime.fromtimestamp(NOON - 3).isoformat()  # noqa: DTZ006 -- this machine's own zone
    assert event_time(local, None, NOON, None) == (NOON - 3, False)


@given(
    st.datetimes(datetime(2025, 10, 20), datetime(2026, 4, 5))  # noqa: DTZ001 -- a local time, without a zone
    | st.datetimes(datetime(2025, 10, 26, 1), datetime(2025, 10, 26, 4))  # noqa: DTZ001 -- the same
    | st.datetimes(datetime(2026, 3, 29, 1), datetime(2026, 3, 29, 4)),  # noqa: DTZ001 -- the same
    st.sampled_from((UTC, PARIS, ZoneInfo("Australia/Lord_Howe"), timezone(timedelta(hours=5.75)))),
)
def test_a_naive_stamp_is_read_as_the_zone_reads_it(moment: datetime, zone: tzinfo) -> None:
    later = moment.replace(tzinfo=zone, fold=1).timestamp()
    assert event_time(moment.isoformat(), None, later, zone) == (later, False)


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00", "9999-12-31T23:59:59"])
@pytest.mark.parametrize("zone", [None, PARIS, timezone(timedelta(hours=14))])
def test_times_out_of_range_are_no_error(stamp: str, zone: tzinfo | None) -> None:
    assert event_time(stamp, None, NOON, zone)[0] == NOON


@given(
    st.none() | st.text(max_size=30) | st.datetimes().map(datetime.isoformat),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.floats(0, 4e9),
    st.sampled_from((UTC, PARIS, None)),
)
def test_no_event_happens_after_its_arrival_or_more_than_a_day_before(
    stamp: str | None, stamp_ms: int | None, arrived: float, zone: tzinfo | None
) -> None:
    at, is_clamped = event_time(stamp, stamp_ms, arrived, zone)
    assert arrived - DAY <= at <= arrived
    if is_clamped:
        assert at == arrived
        assert stamp is not None or stamp_ms is not None


def test_bytewax_gets_the_exact_end_of_a_window() -> None:
    assert aware(NOON) == datetime(2026, 6, 15, 12, tzinfo=UTC)


def test_a_countdown_runs_from_the_first_call_until_it_is_stopped() -> None:
    countdown = Countdown(60)
    assert countdown.due is None
    assert countdown.earliest(None) is None
    assert countdown.earliest(7.0) == 7.0
    assert not countdown.is_over(100)
    assert not countdown.is_over(159.9)
    assert countdown.earliest(None) == 160
    assert countdown.earliest(120) == 120
    assert countdown.earliest(200) == 160
    assert countdown.is_over(160)
    countdown.stop()
    assert not countdown.is_over(500)
    assert countdown.due == 560


@given(st.floats(0, 4e9))
def test_a_time_for_bytewax_is_not_earlier_and_at_most_a_microsecond_later(at: float) -> None:
    # The floats of our time are a quarter of a microsecond apart.
    assert at <= aware(at).timestamp() <= at + 1.5e-6
