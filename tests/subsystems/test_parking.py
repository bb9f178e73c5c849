import pytest

from dataflows.events.parking import ParkedCallsListed
from dataflows.items import Opened, ReadingContinued, SnapshotBegun, SnapshotTaken
from dataflows.listings import Source
from tests.corpus import ORIGIN, OTHER_ORIGIN, Message, event, load
from tests.pipeline import Pipeline, assert_exposition

CHANNEL = "1764079410.5"
PARKED = load("parking/wazo-26.04_call_parked")
UNPARKED = load("parking/wazo-26.04_call_unparked")
TIMED_OUT = load("parking/wazo-26.04_parked_call_timed_out")
HUNG_UP = load("parking/wazo-26.04_parked_call_hungup")
DAY = 24 * 3600


def at(message: Message, second: float) -> Message:
    return message.but(timestamp=f"2026-03-02T14:00:{second:06.3f}")


def hangup(channel: str = CHANNEL) -> Message:
    return event("Hangup", {"Uniqueid": channel}, timestamp="2026-03-02T14:10:00")


def parked(count: int, origin: str = "ca7f…") -> str:
    return f'xivo_parked_calls{{origin_uuid="{origin}"}} {count}\n'


def test_a_parked_call_counts_until_it_is_taken() -> None:
    pipeline = Pipeline()
    pipeline.send(PARKED, PARKED, load("parking/wazo-26.04_call_parked_no-timeout"))
    assert_exposition(pipeline, parked(2))
    pipeline.send(UNPARKED, UNPARKED)
    assert_exposition(pipeline, parked(1))


@pytest.mark.parametrize("end", [UNPARKED, TIMED_OUT, HUNG_UP], ids=lambda each: each.name)
def test_every_end_of_a_parked_call_counts(end: Message) -> None:
    pipeline = Pipeline()
    pipeline.send(PARKED, end)
    assert_exposition(pipeline, parked(0))


def test_a_call_can_be_parked_again() -> None:
    pipeline = Pipeline()
    pipeline.send(at(PARKED, 1), at(UNPARKED, 2), at(PARKED, 3))
    assert_exposition(pipeline, parked(1))


def test_an_event_that_comes_again_long_after_the_call_left_changes_nothing() -> None:
    pipeline = Pipeline()
    early, late = at(PARKED, 1), UNPARKED.but(timestamp="2026-03-02T14:02:00")
    pipeline.send(early, late, early)
    assert_exposition(pipeline, parked(0))
    pipeline.restart()
    pipeline.send(early)
    assert_exposition(pipeline, parked(0))
    # The clock of the server was set back by two minutes.
    pipeline.send(at(PARKED, 2))
    assert_exposition(pipeline, parked(1))


def test_reversed_events_do_not_leave_a_ghost() -> None:
    pipeline = Pipeline()
    pipeline.send(at(UNPARKED, 2), at(PARKED, 1))
    assert_exposition(pipeline, parked(0))
    pipeline.send(at(PARKED, 5), at(TIMED_OUT, 4))
    assert_exposition(pipeline, parked(1))


def test_the_end_of_the_channel_ends_a_parked_call_for_good() -> None:
    pipeline = Pipeline()
    pipeline.send(PARKED, hangup("1764079410.6"))
    assert_exposition(pipeline, parked(1))
    pipeline.send(hangup(), PARKED)
    assert_exposition(pipeline, parked(0))


def test_channels_that_end_start_nothing() -> None:
    pipeline = Pipeline()
    pipeline.send(hangup())
    assert_exposition(pipeline, "", "xivo_parked_calls")


def test_a_start_of_asterisk_ends_all_parked_calls_from_before() -> None:
    pipeline = Pipeline()
    pipeline.send(PARKED)
    booted = load("asterisk/wazo-26.04_FullyBooted")
    pipeline.send(booted.but(Uptime="0", timestamp="2026-03-02T14:30:00"))
    assert_exposition(pipeline, parked(0))


def test_a_call_whose_end_was_missed_is_lost_after_a_day() -> None:
    pipeline = Pipeline()
    pipeline.send(PARKED.but(timestamp="2026-03-02T15:00:00"))
    pipeline.wait(DAY / 2)
    pipeline.restart()
    pipeline.wait(DAY / 2 - 1)
    assert_exposition(pipeline, parked(1))
    pipeline.wait(1)
    assert_exposition(pipeline, parked(0))


def test_the_calls_are_limited_and_release_their_places() -> None:
    pipeline = Pipeline(max_entities=2)
    calls = [PARKED.but(call_id=f"1.{number}") for number in range(4)]
    pipeline.send(*calls)
    assert_exposition(pipeline, parked(2))
    assert pipeline.refused["parking"] == 2
    pipeline.send(hangup("1.0"), calls[3])
    assert_exposition(pipeline, parked(2))


def test_calls_of_two_servers_are_counted_apart() -> None:
    pipeline = Pipeline()
    pipeline.send(PARKED, PARKED.but(origin=OTHER_ORIGIN), UNPARKED)
    assert_exposition(pipeline, parked(0) + parked(1, "0d6c…"))


def test_the_calls_become_those_that_calld_lists() -> None:
    pipeline = Pipeline()
    pipeline.take([Opened("default", pipeline.now), ReadingContinued("default")])
    pipeline.send(PARKED, PARKED.but(call_id="1.2"))
    for number, channels in ((1, {"1.3", "1.4"}), (2, {"1.5"})):
        source = Source.CALLD
        pipeline.take([SnapshotBegun("default", pipeline.now, ORIGIN, source, number)])
        # What changed after the request is newer than the answer.
        pipeline.send(PARKED.but(call_id="1.2"), UNPARKED.but(call_id="1.3"))
        listing = ParkedCallsListed(ORIGIN, pipeline.now, number, frozenset(channels))
        pipeline.take([SnapshotTaken("default", pipeline.now, ORIGIN, source, number, (listing,))])
        assert_exposition(pipeline, parked(2))
    assert pipeline.value("xivo_state_known", "parking") == 1
    assert pipeline.value("xivo_state_drift_total", "parking", "added") == 1
    assert pipeline.value("xivo_state_drift_total", "parking", "removed") == 1
