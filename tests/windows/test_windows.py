"""The windows alone, with numbers that a reader can check."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone
from fractions import Fraction
from random import Random

from dataflows.days import Today
from dataflows.distinct import MAX_IDS, Distinct
from dataflows.lengths import Length, parse_lengths
from dataflows.levels import levels
from dataflows.metric import Kind, MetricSpec, Sample, Samples
from dataflows.quota import Allocation, Quota
from dataflows.windows import Level
from tests.windows.oracle import integrate

LEVELS = levels("low", "high", "mean", "things", ("origin_uuid",))
COUNT = MetricSpec("count", Kind.GAUGE, "Things.", ("origin_uuid", "window"))


class Value:
    """A value with windows, known from a time on."""

    def __init__(self, *, at: float, value: float = 0, windows: str = "1m") -> None:
        self._samples = Samples()
        lengths = parse_lengths(windows)
        self.level = Level(self._samples, LEVELS, ("o",), lengths, at=at, value=value)

    def follow(self, *changes: tuple[float, float]) -> None:
        for at, value in changes:
            self.level.follow(at, value)

    def shown(self, window: str = "1m") -> tuple[float, float, float] | None:
        self._samples.drain()
        if ("low", ("o", window)) not in self._samples._values:  # noqa: SLF001 -- it has no public `in`
            return None
        low, high, mean = (self._samples.get(spec, ("o", window)) for spec in LEVELS)
        return low, high, mean


class Ids:
    """Distinct ids in windows."""

    def __init__(
        self, *, at: float, often: int = 1, windows: str = "1m", quota: int = 2 * MAX_IDS
    ) -> None:
        self._samples = Samples()
        lengths = parse_lengths(windows)
        self.allocation = Allocation(Quota("ids", quota))
        self.distinct = Distinct(
            self._samples, COUNT, ("o",), lengths, at=at, allocation=self.allocation, often=often
        )

    def see(self, *sightings: tuple[float, str]) -> None:
        for at, entity in sightings:
            self.distinct.see(at, entity)

    def shown(self, window: str = "1m") -> float:
        return self._samples.get(COUNT, ("o", window))


def test_nothing_is_shown_before_a_window_has_ended() -> None:
    value = Value(at=0, value=7)
    value.level.tick(59.999)
    assert value.shown() is None
    value.level.tick(60)
    assert value.shown() == (7, 7, 7)


def test_an_outage_between_two_scrapes_shows() -> None:
    value = Value(at=0, value=1)
    value.follow((31, 0), (34, 1))
    value.level.tick(60)
    assert value.shown() == (0, 1, 57 / 60)


def test_the_value_at_the_start_of_the_window_counts_while_it_lasts() -> None:
    value = Value(at=0, value=8)
    value.follow((75, 2))
    value.level.tick(120)
    assert value.shown() == (2, 8, (15 * 8 + 45 * 2) / 60)


def test_the_first_window_counts_from_when_the_value_is_known() -> None:
    value = Value(at=50, value=4)
    value.follow((55, 6))
    value.level.tick(60)
    assert value.shown() == (4, 6, 5)


def test_a_value_that_lasts_for_no_time_is_ignored() -> None:
    value = Value(at=10, value=3)
    value.follow((20, 99), (20, -5), (20, 4))
    value.level.tick(60)
    assert value.shown() == (3, 4, (10 * 3 + 40 * 4) / 50)


def test_a_change_on_the_boundary_belongs_to_the_window_that_begins() -> None:
    value = Value(at=0, value=5)
    value.follow((60, 9))
    assert value.shown() == (5, 5, 5)
    value.level.tick(120)
    assert value.shown() == (9, 9, 9)


def test_an_event_that_passes_the_end_closes_the_window_before_it_counts() -> None:
    value = Value(at=0, value=5)
    value.follow((61, 9))
    assert value.shown() == (5, 5, 5)
    value.level.tick(120)
    assert value.shown() == (5, 9, (1 * 5 + 59 * 9) / 60)


def test_the_last_of_several_ended_windows_is_shown() -> None:
    value = Value(at=0, value=5)
    value.follow((30, 1))
    value.level.tick(120)
    assert value.shown() == (1, 1, 1)
    value.follow((130, 2))
    value.level.tick(86_400)
    assert value.shown() == (2, 2, 2)


def test_a_late_event_counts_from_the_start_of_the_window() -> None:
    value = Value(at=0, value=5)
    value.level.tick(60)
    value.follow((59, 2))
    assert value.shown() == (5, 5, 5), "a closed window must not change"
    value.level.tick(120)
    assert value.shown() == (2, 2, 2)


def test_an_event_older_than_the_last_change_counts_from_that_change() -> None:
    value = Value(at=0, value=0)
    value.follow((30, 1), (10, 2))
    value.level.tick(60)
    assert value.shown() == (0, 2, 1)


def test_an_event_without_a_change_does_not_move_later_ones() -> None:
    # The repeated status at 40 arrives before the event of 30, which still counts from 30.
    value = Value(at=0, value=0)
    value.follow((20, 1), (40, 1), (30, 0))
    value.level.tick(60)
    assert value.shown() == (0, 1, 10 / 60)


def test_a_late_event_for_one_length_is_in_time_for_a_longer_one() -> None:
    value = Value(at=0, value=0, windows="5s,1m")
    value.level.tick(20)
    value.follow((13, 6))
    value.level.tick(60)
    assert value.shown("1m") == (0, 6, 47 * 6 / 60)


def test_lengths_need_not_be_multiples_of_each_other() -> None:
    value = Value(at=0, value=0, windows="5s,7s")
    value.follow((6, 10))
    value.level.tick(7)
    assert value.shown("5s") == (0, 0, 0)
    assert value.shown("7s") == (0, 10, 10 / 7)
    value.level.tick(10)
    assert value.shown("5s") == (0, 10, 8)


def test_a_clock_that_is_set_back_restarts_the_windows() -> None:
    value = Value(at=3600, value=5)
    value.follow((3630, 7))
    value.level.tick(90)
    assert value.shown() is None
    value.follow((105, 3))
    value.level.tick(120)
    assert value.shown() == (3, 7, 5), "known from 90 on: 15 s of 7 and 15 s of 3"


def test_a_normal_correction_of_the_clock_restarts_nothing() -> None:
    value = Value(at=60, value=5)
    value.level.tick(59)
    value.level.tick(60)
    assert value.shown() is None
    value.follow((90, 7))
    value.level.tick(120)
    assert value.shown() == (5, 7, 6)


def test_a_mean_of_equal_values_is_that_value() -> None:
    value = Value(at=0.05, value=3)
    assert 3 * (60 - 0.05) / (60 - 0.05) > 3, "rounded up"
    value.level.tick(60)
    assert value.shown() == (3, 3, 3)
    value = Value(at=0.03, value=7)
    assert 7 * (60 - 0.03) / (60 - 0.03) < 7, "rounded down"
    value.level.tick(60)
    assert value.shown() == (7, 7, 7)


def test_the_mean_of_a_day_with_many_changes_is_exact() -> None:
    rng = Random(1)  # noqa: S311 -- no secret
    start = 1_449_705_600
    times = sorted(start + rng.random() * 86_400 for _ in range(50_000))
    changes = [(float(start), 0), *((at, rng.randrange(100_000)) for at in times)]
    value = Value(at=start, windows="1d")
    value.follow(*changes)
    value.level.tick(start + 86_400)
    low, high, mean = integrate(changes, start, start + 86_400)
    shown = value.shown("1d")
    assert shown is not None
    assert shown[:2] == (low, high)
    assert abs(Fraction(shown[2]) / mean - 1) < 1e-12


def test_the_earliest_end_of_all_lengths_is_due() -> None:
    value = Value(at=1000, windows="7s,1m,5s")
    assert value.level.due == 1001
    value.level.tick(1001)
    assert value.level.due == 1005


def test_each_id_counts_once_in_a_window() -> None:
    ids = Ids(at=0)
    ids.see((1, "a"), (2, "b"), (3, "a"))
    ids.distinct.tick(60)
    assert ids.shown() == 2
    ids.see((61, "a"), (120, "b"))
    assert ids.shown() == 1


def test_an_empty_window_counts_none() -> None:
    ids = Ids(at=0)
    ids.see((1, "a"))
    ids.distinct.tick(180)
    assert ids.shown() == 0


def test_ids_must_be_seen_often_enough_within_one_window() -> None:
    ids = Ids(at=0, often=3)
    ids.see((1, "a"), (2, "a"), (3, "b"), (58, "b"), (59, "b"), (59, "b"), (61, "a"))
    assert ids.shown() == 1
    ids.distinct.tick(120)
    assert ids.shown() == 0


def test_a_late_id_counts_in_the_current_window() -> None:
    ids = Ids(at=0)
    ids.distinct.tick(60)
    ids.see((59, "a"))
    assert ids.shown() == 0
    ids.distinct.tick(120)
    assert ids.shown() == 1


def test_the_count_of_a_window_stops_at_its_limit() -> None:
    ids = Ids(at=0)
    ids.see(*((1, str(number)) for number in range(MAX_IDS + 10)))
    ids.see((2, "0"), (2, str(MAX_IDS + 5)))
    ids.distinct.tick(60)
    assert ids.shown() == MAX_IDS
    ids.see((61, "a"))
    ids.distinct.tick(120)
    assert ids.shown() == 1


def test_the_windows_of_a_subsystem_share_its_quota() -> None:
    ids = Ids(at=0, windows="1m,5m", quota=4)
    assert ids.distinct.see(1, "a")
    assert ids.distinct.see(2, "b")
    assert not ids.distinct.see(3, "c"), "each length has its own, and there are two"
    assert ids.distinct.see(4, "a"), "it is there already"
    ids.distinct.tick(60)
    assert ids.shown() == 2
    # The closed window of a minute released its ids, which anything may allocate.
    assert ids.allocation.take()
    assert not ids.distinct.see(61, "c")
    ids.distinct.tick(300)
    assert ids.shown("5m") == 2
    assert ids.distinct.see(301, "c")


# --- Today --------------------------------------------------------------------------------------

DAY = 86_400


class Peak(Value):
    """A value with the window `today`, in UTC."""

    def __init__(self, *, at: float, value: float = 0) -> None:
        self._samples = Samples()
        lengths = Length("1m", 60), Today(UTC)
        self.level = Level(self._samples, LEVELS, ("o",), lengths, at=at, value=value)

    @property
    def today(self) -> float:
        assert not {("low", ("o", "today")), ("mean", ("o", "today"))} & self.names
        return self._samples.get(LEVELS.high, ("o", "today"))

    def drain(self) -> tuple[Sample, ...]:
        return self._samples.drain()

    @property
    def names(self) -> set[tuple[str, tuple[str, ...]]]:
        return set(self._samples._values)  # noqa: SLF001 -- it has no public `in`


def test_today_shows_the_maximum_so_far_at_once() -> None:
    value = Peak(at=10, value=3)
    assert value.today == 3
    value.follow((20, 8))
    assert value.today == 8
    value.follow((30, 1))
    assert value.today == 8


def test_today_begins_at_midnight_with_the_current_value() -> None:
    value = Peak(at=10)
    value.follow((20, 8), (30, 2))
    value.level.tick(DAY - 0.001)
    assert value.today == 8
    value.level.tick(DAY)
    assert value.today == 2
    value.follow((3 * DAY + 5, 1))
    assert value.today == 2, "that was the value at midnight"


def test_a_value_that_lasts_for_no_time_is_no_maximum_of_today() -> None:
    value = Peak(at=10, value=3)
    value.follow((20, 99), (20, 4))
    assert value.today == 4
    value.follow((25, 2), (20, 50), (20, 3))
    assert value.today == 4


def test_a_late_event_of_yesterday_counts_from_midnight() -> None:
    value = Peak(at=10, value=9)
    value.level.tick(DAY)
    assert value.today == 9
    value.follow((DAY - 5, 4))
    assert value.today == 4, "9 lasted for no time today"


def test_a_clock_that_is_set_back_to_yesterday_restarts_today() -> None:
    value = Peak(at=DAY + 10, value=9)
    value.follow((DAY + 20, 4))
    value.level.tick(DAY + 19)
    assert value.today == 9, "the same day"
    value.level.tick(DAY - 10)
    assert value.today == 4


def test_the_maximum_of_today_never_falls_after_the_clock_was_set_back_within_the_day() -> None:
    value = Peak(at=7200, value=0)
    value.follow((7300, 10))
    for tracked in (value.level.recheck, value.level.tick):
        tracked(3700)
    value.follow((3800, 15))
    assert value.today == 15
    value.follow((4100, 0))
    assert value.today == 15
    value.follow((4090, 20), (4200, 3))
    assert value.today == 20


def test_only_a_series_that_changes_is_drained() -> None:
    value = Peak(at=10, value=9)
    assert value.drain() != ()
    value.follow((20, 4), (30, 8), (40, 9))
    assert value.drain() == ()


def test_today_counts_different_ids_so_far() -> None:
    samples = Samples()
    allocation = Allocation(Quota("ids", 10))
    distinct = Distinct(samples, COUNT, ("o",), (Today(UTC),), at=5, allocation=allocation, often=2)
    series = (COUNT, ("o", "today"))
    assert samples.drain() == (("count", ("o", "today"), 0),)
    for at, entity in ((6, "a"), (7, "a"), (8, "b"), (9, "a")):
        distinct.see(at, entity)
    assert samples.get(*series) == 1
    assert (allocation.taken, distinct.due, distinct.floor) == (2, DAY, 0)
    distinct.see(DAY + 1, "b")
    assert samples.get(*series) == 0
    assert allocation.taken == 1


def test_an_id_that_was_seen_yesterday_does_not_count_today_if_it_is_late() -> None:
    samples = Samples()
    allocation = Allocation(Quota("ids", 10))
    lengths = Length("1m", 60), Today(UTC)
    distinct = Distinct(samples, COUNT, ("o",), lengths, at=DAY - 5, allocation=allocation)
    distinct.tick(DAY)
    assert distinct.see(DAY - 1, "a"), "it is not refused"
    assert samples.get(COUNT, ("o", "today")) == 0
    assert distinct.see(DAY, "b")
    assert samples.get(COUNT, ("o", "today")) == 1
    distinct.tick(DAY + 60)
    assert samples.get(COUNT, ("o", "1m")) == 2, "late ids count in the other windows"


def test_a_zone_with_other_days_restarts_today() -> None:
    value = Peak(at=10)
    value.follow((20, 8), (30, 2))
    noon = 12 * 3600
    minute = Length("1m", 60)
    value.level.tick(noon)
    east, west = (timezone(timedelta(hours=hours)) for hours in (2, -2))
    value.level.resize((minute, Today(timezone(timedelta()))), noon)
    assert (value.today, value.level.floor) == (8, noon), "the days are the same"
    value.level.resize((minute, Today(east)), noon)
    assert (value.today, value.level.floor) == (2, noon)
    value.follow((noon + 5, 9), (noon + 6, 2))
    value.level.resize((minute, Today(west)), noon + 60)
    assert value.today == 2
    value.level.tick(DAY + 2 * 3600 - 1)
    value.follow((DAY + 2 * 3600 - 1, 5), (DAY + 2 * 3600 - 0.5, 1))
    assert value.today == 5
    value.level.tick(DAY + 2 * 3600)
    assert value.today == 1
