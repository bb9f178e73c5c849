"""The offset of the time zone of a server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataflows.clock import BEHIND_SECONDS, event_time
from dataflows.events.agents import AgentStatusChanged
from dataflows.items import Item, Opened, OriginSilent, Unused, UnusedEvent
from dataflows.shifts import StampsShifted
from dataflows.snapshot import seal, unseal
from dataflows.zone_offsets import (
    LIVE_BEHIND_SECONDS,
    LIVE_SECONDS,
    MAX_OFFSET_SECONDS,
    QUARTER_SECONDS,
    SLOT_SECONDS,
    SPREAD_SECONDS,
    TOLERANCE_SECONDS,
    Found,
    ZoneOffset,
)
from exporter.engine.resumed import Resumed
from tests.corpus import ARRIVED, ORIGIN, OTHER_ORIGIN, Message, event
from tests.pipeline import Pipeline

HOUR = 3600.0
OFFSET = "xivo_bus_clock_offset_seconds"


def compare(offset: ZoneOffset, *pairs: tuple[float, float]) -> Found | None:
    """Compare stamps with arrivals: (seconds since the start, stamp minus arrival)."""
    for seconds, difference in pairs:
        offset.correct(ARRIVED + seconds + difference, ARRIVED + seconds)
    return offset.settle(BEHIND_SECONDS, is_used=True)


@pytest.mark.parametrize(
    ("seconds", "needed"),
    [
        (0.0, LIVE_SECONDS),
        (QUARTER_SECONDS, LIVE_SECONDS),
        (MAX_OFFSET_SECONDS, LIVE_SECONDS),
        (-QUARTER_SECONDS, LIVE_BEHIND_SECONDS),
        (-MAX_OFFSET_SECONDS, LIVE_BEHIND_SECONDS),
    ],
)
def test_a_steady_difference_is_found_as_soon_as_it_lasts_long_enough(
    seconds: float, needed: float
) -> None:
    early, soon = ZoneOffset(ARRIVED), ZoneOffset(ARRIVED)
    assert compare(early, (0, seconds), (10, seconds), (needed - 0.25, seconds)) is None
    found = compare(soon, (0, seconds), (10, seconds), (needed, seconds))
    assert found is not None
    assert (found.seconds, found.is_first, soon.seconds) == (seconds, True, seconds)


@pytest.mark.parametrize(
    "differences",
    [
        pytest.param((-HOUR, -HOUR + SPREAD_SECONDS + 0.1, -HOUR), id="it varies too much"),
        pytest.param((-HOUR, -HOUR - SPREAD_SECONDS, -HOUR + SPREAD_SECONDS), id="in both ways"),
        pytest.param((-300.0,) * 3, id="no whole quarter hours"),
        pytest.param((-HOUR - TOLERANCE_SECONDS - 1,) * 3, id="too far from quarter hours"),
        pytest.param((-HOUR - TOLERANCE_SECONDS - 1,) * 2 + (-HOUR - 29.5,), id="partly too far"),
        pytest.param((MAX_OFFSET_SECONDS + QUARTER_SECONDS,) * 3, id="more than between zones"),
        pytest.param((-366 * 24 * HOUR,) * 3, id="a year"),
    ],
)
def test_other_differences_are_no_offset(differences: tuple[float, float, float]) -> None:
    offset = ZoneOffset(ARRIVED)
    assert compare(offset, *zip((0, 30, 60), differences, strict=True)) is None
    assert offset.found is None


def test_two_events_are_too_few_and_a_burst_is_too_short() -> None:
    assert compare(ZoneOffset(ARRIVED), (0, -HOUR), (3000, -HOUR)) is None
    burst = [(number / 1000, -HOUR) for number in range(10_000)]
    assert compare(ZoneOffset(ARRIVED), *burst) is None


def test_the_tolerance_allows_for_wrong_clocks_and_delays() -> None:
    for error in (-TOLERANCE_SECONDS, TOLERANCE_SECONDS):
        found = compare(ZoneOffset(ARRIVED), *((at, -HOUR + error) for at in (0, 20, 40)))
        assert found is not None
        assert found.seconds == -HOUR


def test_a_slot_with_delayed_events_counts_by_its_maximum() -> None:
    late = -HOUR - 5
    events = [(at, late if at % 10 else -HOUR) for at in range(41)]
    found = compare(ZoneOffset(ARRIVED), *events)
    assert found == Found(-HOUR, is_first=True, trusted_since=ARRIVED + 40)
    # The first maximum is as old as the others, also if it is the last event of its slot.
    events = [(at, late if at % 10 < 9 else -HOUR) for at in range(50)]
    assert compare(ZoneOffset(ARRIVED), *events[:-1]) is None
    assert compare(ZoneOffset(ARRIVED), *events) is not None


def test_a_slot_of_delayed_events_alone_only_delays_the_decision() -> None:
    offset = ZoneOffset(ARRIVED)
    events = [(at, -HOUR - 5 if 20 <= at < 30 + SLOT_SECONDS else -HOUR) for at in range(100)]
    assert compare(offset, *events[:75]) is None
    assert compare(offset, *events[75:76]) is not None


def test_all_maxima_have_to_agree() -> None:
    offset = ZoneOffset(ARRIVED)
    differences = (-HOUR, -HOUR - SPREAD_SECONDS, -HOUR - 1, -HOUR + 0.5)
    assert compare(offset, *zip((0, 11, 22, 35), differences, strict=True)) is None


def test_a_maximum_that_is_lower_from_then_on_only_delays_the_decision() -> None:
    """The clock of the server was a little ahead and was corrected."""
    offset = ZoneOffset(ARRIVED)
    events = [(at, -HOUR if at < 25 else -HOUR - 5) for at in range(80)]
    assert compare(offset, *events[:75]) is None
    assert compare(offset, *events[75:]) is not None


@pytest.mark.parametrize("wrong", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1, HOUR, -HOUR])
def test_an_outlier_only_delays_the_decision(wrong: float) -> None:
    offset = ZoneOffset(ARRIVED)
    events = [(at, -HOUR + wrong if at == 31 else -HOUR) for at in range(90)]
    assert compare(offset, *events[:66]) is None
    assert compare(offset, *events[66:]) is not None


@pytest.mark.parametrize("change", [0.06, -0.06, 1.0, -1.0])
@pytest.mark.parametrize("delay", [0.0, 5.0])
def test_a_difference_that_changes_steadily_is_no_offset(change: float, delay: float) -> None:
    """A backlog is read, or the link is too slow; some events have a delay too."""
    offset = ZoneOffset(ARRIVED)
    for at in range(-1000, 1000):
        difference = -HOUR + change * at - (delay if at % 3 else 0.0)
        assert compare(offset, (at, difference)) is None


def test_a_backlog_that_arrives_in_steps_is_no_offset() -> None:
    offset = ZoneOffset(ARRIVED)
    for at in range(0, 1000, 12):
        burst = [(at + n / 1000, -HOUR - 500 + at + n / 20) for n in range(200)]
        assert compare(offset, *burst) is None


def test_services_in_two_zones_show_no_offset() -> None:
    mixed = ((at, -HOUR if at % 2 else 0.0) for at in range(600))
    assert compare(ZoneOffset(ARRIVED), *mixed) is None


def test_services_in_two_zones_do_not_let_the_offset_alternate() -> None:
    offset = ZoneOffset(ARRIVED)
    assert compare(offset, *((at, 0.0) for at in range(30)))
    mixed = ((at, -HOUR if at % 2 else 0.0) for at in range(30, 600))
    assert compare(offset, *mixed) is None
    assert offset.found == 0


def test_a_new_offset_is_found_when_all_stamps_show_it() -> None:
    offset = ZoneOffset(ARRIVED)
    assert compare(offset, *((at, -5 * HOUR) for at in range(60)))
    found = compare(offset, *((at, -4 * HOUR) for at in range(60, 120)))
    assert found is not None
    assert (found.seconds, found.is_first) == (-4 * HOUR, False)
    assert offset.correct(ARRIVED - 4 * HOUR, ARRIVED) == ARRIVED


def test_comparisons_begin_again_when_the_clock_was_set_back() -> None:
    offset = ZoneOffset(ARRIVED)
    year = 366 * 24 * HOUR
    assert compare(offset, *((year + at, -4 * HOUR) for at in range(30))) is None
    found = compare(offset, *((at, -4 * HOUR) for at in range(60)))
    assert found is not None
    assert found.seconds == -4 * HOUR


def test_times_from_stamps_that_could_not_be_true_are_trusted() -> None:
    def trusted_since(seconds: float) -> float:
        found = compare(ZoneOffset(ARRIVED - 5), *((at, seconds) for at in (0, 30, 60)))
        assert found is not None
        return found.trusted_since

    # The stamps were in the future, or too old, so that arrivals were used from the first event.
    assert trusted_since(HOUR) == trusted_since(-25 * HOUR) == ARRIVED - 5
    # The stamps were used until now.
    assert trusted_since(-HOUR) == ARRIVED + 60


def test_a_corrected_time_is_not_after_the_correction() -> None:
    shifted = StampsShifted("o", 1000.0, -100.0, 950.0)
    assert [shifted.corrected(at) for at in (800.0, 940.0, 950.0)] == [900.0, 1000.0, 950.0]


@pytest.mark.parametrize(
    ("stamp", "stamp_ms"),
    [("2026-03-02T14:00:00+00:00", None), ("2026-03-02T09:00:00-05:00", None), (None, 1)],
)
def test_stamps_that_need_no_zone_are_not_compared(stamp: str | None, stamp_ms: int | None) -> None:
    offset = ZoneOffset(ARRIVED, -HOUR)
    for number in range(100):
        at = event_time(stamp, stamp_ms, ARRIVED + number, None, offset)
        assert at == event_time(stamp, stamp_ms, ARRIVED + number, None)
    assert offset == ZoneOffset(ARRIVED, -HOUR)


def test_the_limits_of_a_stamp_apply_after_the_offset() -> None:
    def at(ago: float, seconds: float) -> tuple[float, bool]:
        stamp = local(ARRIVED - ago + seconds)
        return event_time(stamp, None, ARRIVED, None, ZoneOffset(0.0, seconds, seconds))

    for seconds in (-26 * HOUR, -5 * HOUR, 6 * HOUR, 26 * HOUR):
        assert at(3, seconds) == (ARRIVED - 3, False)
        assert at(24 * HOUR, seconds) == (ARRIVED - 24 * HOUR, False)
        assert at(24 * HOUR + 1, seconds) == (ARRIVED, True)
        assert at(-1, seconds) == (ARRIVED, False)
        assert at(-1.25, seconds) == (ARRIVED, True)


def local(at: float) -> str:
    """Return a time as this machine writes it, without a UTC offset."""
    return datetime.fromtimestamp(at).isoformat()  # noqa: DTZ006 -- this machine's own zone


# --- In the dataflow ----------------------------------------------------------------------------


def stamped(pipeline: Pipeline, offset: float, origin: str = ORIGIN) -> Message:
    """Return an event that happens now, with a stamp of the server's zone."""
    return event("x", None, origin, timestamp=local(pipeline.now + offset))


def minute(pipeline: Pipeline, offset: float) -> None:
    """Let a server publish for a minute."""
    for _ in range(6):
        pipeline.send(stamped(pipeline, offset))
        pipeline.wait(10)
    pipeline.send(stamped(pipeline, offset))


def test_an_offset_is_reported_once_and_again_when_it_changes() -> None:
    pipeline = Pipeline(zone=None)
    for offset in (-5 * HOUR, -5 * HOUR, -4 * HOUR):
        minute(pipeline, offset)
        assert pipeline.value(OFFSET) == offset
    assert pipeline.offsets == [("default", ORIGIN, -5 * HOUR), ("default", ORIGIN, -4 * HOUR)]


def test_stamps_that_agree_are_shown_and_not_reported() -> None:
    pipeline = Pipeline(zone=None)
    minute(pipeline, 0)
    assert pipeline.value(OFFSET) == 0
    assert pipeline.offsets == []


def test_each_origin_has_an_offset_of_its_own() -> None:
    pipeline = Pipeline(zone=None)
    for _ in range(7):
        pipeline.send(stamped(pipeline, HOUR), stamped(pipeline, 0, OTHER_ORIGIN))
        pipeline.wait(10)
    assert pipeline.value(OFFSET) == HOUR
    assert pipeline.value(OFFSET, OTHER_ORIGIN) == 0


def test_unused_events_show_the_offset_too() -> None:
    pipeline = Pipeline(zone=None)
    for _ in range(7):
        stamps = [local(pipeline.now + HOUR - ago) for ago in (0.3, 0.1, 0.2)]
        events = [UnusedEvent("x", ORIGIN, stamp) for stamp in stamps]
        pipeline.take([Unused("default", pipeline.now, events)])
        pipeline.wait(10)
    assert pipeline.value(OFFSET) == HOUR


def test_unused_and_other_events_of_many_reads_in_one_batch_show_the_offset_too() -> None:
    pipeline = Pipeline(zone=None)
    for _ in range(60):
        batch: list[Item] = []
        for tenth in range(10):
            arrived = pipeline.now + tenth / 10
            stamp = local(arrived + HOUR)
            batch.append(
                Unused("default", arrived, [UnusedEvent("x", ORIGIN, stamp)])
                if tenth % 2
                else event("x", None, timestamp=stamp).delivery(arrived=arrived)
            )
        pipeline.wait(1)
        pipeline.take(batch)
    assert pipeline.value(OFFSET) == HOUR


def test_stamps_are_clamped_only_until_the_offset_is_found() -> None:
    pipeline = Pipeline(zone=None)
    minute(pipeline, 6 * HOUR)
    clamped = pipeline.value("xivo_exporter_clamped_timestamps_total", "default")
    minute(pipeline, 6 * HOUR)
    assert pipeline.value("xivo_exporter_clamped_timestamps_total", "default") == clamped


def test_a_zone_that_is_set_is_used_although_the_stamps_contradict_it() -> None:
    pipeline = Pipeline()
    for _ in range(30):
        naive = datetime.fromtimestamp(pipeline.now - 5 * HOUR, UTC).isoformat().partition("+")[0]
        pipeline.send(event("agent_deleted", {"id": 1}, timestamp=naive))
        pipeline.wait(10)
    assert pipeline.offsets == [("default", ORIGIN, -5 * HOUR)]
    assert pipeline.value(OFFSET) == 0
    [deleted] = [e for _, (name, _, e) in pipeline.decoded if name == "agents"]
    assert deleted[0].at == pipeline.now - 10 - 5 * HOUR


def test_an_offset_is_forgotten_with_its_origin() -> None:
    pipeline = Pipeline(zone=None)
    minute(pipeline, HOUR)
    pipeline.take([OriginSilent("default", ORIGIN, pipeline.now)])
    assert pipeline.origins.of("default").offsets == {}
    minute(pipeline, 0)
    assert pipeline.value(OFFSET) == 0


def test_an_origin_that_moves_to_another_bus_takes_its_offset_along() -> None:
    pipeline = Pipeline(zone=None)
    minute(pipeline, HOUR)
    pipeline.origins.of("default").free.add(ORIGIN)
    pipeline.take([stamped(pipeline, HOUR).delivery(bus="lyon", arrived=pipeline.now)])
    assert pipeline.origins.of("lyon").offsets[ORIGIN].seconds == HOUR


def test_a_restart_knows_the_offset_at_once_unless_a_zone_is_set_now() -> None:
    pipeline = Pipeline(zone=None)
    minute(pipeline, -5 * HOUR)
    pipeline.restart()
    login = {"agent_id": 1, "status": "logged_in"}
    for zone, at in ((None, pipeline.now), (datetime.now().astimezone().tzinfo, None)):
        pipeline._zone = zone  # noqa: SLF001 -- the setting has changed
        pipeline.take([Opened("default", pipeline.now)])
        stamp = local(pipeline.now - 5 * HOUR)
        pipeline.send(event("agent_status_update", login, timestamp=stamp))
        [changed] = [e for _, (name, _, e) in pipeline.decoded if name == "agents"]
        [login_at] = [each.at for each in changed if isinstance(each, AgentStatusChanged)]
        assert (login_at == pipeline.now) is (at is not None)


def test_the_kept_state_of_a_source_contains_offsets() -> None:
    offset = ZoneOffset(ARRIVED)
    compare(offset, *((at, -HOUR) for at in range(60)))
    kept = Resumed("b", (), "x", (b"", ()), 0, 0.0, 0.0, {}, offsets={ORIGIN: offset})
    assert unseal(seal(kept), Resumed).offsets == {ORIGIN: offset}


def test_an_offset_that_a_setting_forbade_is_found_again_without_the_setting() -> None:
    pipeline = Pipeline(zone=UTC)
    minute(pipeline, -5 * HOUR)
    assert pipeline.value("xivo_bus_clock_offset_seconds") == 0
    pipeline.restart()
    pipeline._zone = None  # noqa: SLF001 -- the setting was removed
    pipeline.take([Opened("default", pipeline.now)])
    minute(pipeline, -5 * HOUR)
    login = {"agent_id": 1, "status": "logged_in"}
    pipeline.send(event("agent_status_update", login, timestamp=local(pipeline.now - 5 * HOUR)))
    [changed] = [e for _, (name, _, e) in pipeline.decoded if name == "agents"]
    assert [each.at for each in changed if isinstance(each, AgentStatusChanged)] == [pipeline.now]
