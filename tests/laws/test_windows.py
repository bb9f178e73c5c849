"""Properties of the windows of every subsystem, for any traffic."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflows.call_metrics import CallState, Direction
from dataflows.items import ClockSetBack, Opened
from dataflows.legs import MAX_LEG_SECONDS
from dataflows.lengths import TODAY
from dataflows.metric import Value
from dataflows.subsystems import SUBSYSTEMS, bus, conferences, parking
from dataflows.trackers import CLOCK_SLACK_SECONDS
from tests import corpus
from tests.corpus import Message
from tests.laws.strategies import BUSES, ORIGINS, Letter, Pause, Step, letters, traffic
from tests.laws.test_laws import EXPORTERS_OWN, LENGTHS, LONGEST_WINDOW, USED, post, without_windows
from tests.pipeline import ALL_DETAILS, WINDOWED, Pipeline, SeriesValues


@given(traffic())
def test_no_delivery_changes_a_window_that_is_closed(steps: list[Step]) -> None:
    pipeline = Pipeline()
    for step in steps:
        before = of_closed_windows(pipeline)
        post(pipeline, [step])
        if not isinstance(step, Pause):
            after = of_closed_windows(pipeline)
            assert {key: after.get(key) for key in before} == before


def of_windows(pipeline: Pipeline) -> SeriesValues:
    return {key: value for key, value in pipeline.series().items() if key[0] in WINDOWED}


def of_closed_windows(pipeline: Pipeline) -> SeriesValues:
    return {key: n for key, n in of_windows(pipeline).items() if key[1][-1] != TODAY.name}


@given(traffic())
def test_windows_are_closed_by_the_clock_alone_at_multiples_of_their_length(
    steps: list[Step],
) -> None:
    pipeline = Pipeline()
    pipeline.take([Opened("default", pipeline.now)])
    for step in steps:
        post(pipeline, [step])
        assert window_ends(pipeline) == {
            name: pipeline.now // seconds * seconds
            for name, seconds in LENGTHS.items()
            if name != TODAY.name
        }


def window_ends(pipeline: Pipeline) -> dict[str, Value]:
    metric = "xivo_exporter_window_end_timestamp_seconds"
    return {labels[0]: v for (name, labels), v in pipeline.series().items() if name == metric}


@given(traffic(), st.floats(2, 2 * 86_400))
def test_a_clock_that_was_set_back_delays_no_window_without_events(
    steps: list[Step], by: float
) -> None:
    pipeline = Pipeline()
    pipeline.take([Opened("default", pipeline.now)])
    post(pipeline, steps)
    pipeline.now -= by
    pipeline.take([ClockSetBack(name, pipeline.now) for name in BUSES])
    # Up to a second before the start of a window, it is a normal correction of the clock.
    next_end = pipeline.now + CLOCK_SLACK_SECONDS
    for key, due in pipeline.due.items():
        # The state of `bus` has no other windows than today, and these have none.
        is_daily = key.startswith((bus.NAME, parking.NAME, conferences.NAME))
        assert due <= next_end + (86_400 if is_daily else 60)


@given(traffic())
def test_a_mean_lies_between_the_least_and_the_greatest(steps: list[Step]) -> None:
    pipeline = Pipeline()
    for step in steps:
        post(pipeline, [step])
        series = pipeline.series()
        for (metric, labels), mean in of_windows(pipeline).items():
            if metric.endswith("_avg"):
                stem = metric.removesuffix("_avg")
                low, high = series[f"{stem}_min", labels], series[f"{stem}_max", labels]
                assert isinstance(low, int | float)
                assert isinstance(mean, int | float)
                assert isinstance(high, int | float)
                assert 0 <= low <= mean <= high


GAUGES_OF_WINDOWS: dict[str, tuple[str, tuple[str | tuple[str, ...], ...]]] = {
    "xivo_agents_logged_in": ("xivo_agents", ("logged_in",)),
    "xivo_endpoints_in_use": (
        "xivo_endpoints",
        ("in_use", "busy", "in_use_ringing", "on_hold", "in_use_on_hold"),
    ),
    "xivo_endpoints_unavailable": ("xivo_endpoints", ("unavailable",)),
    "xivo_lines_in_call": ("xivo_lines_in_call", ()),
    "xivo_calls": ("xivo_calls", tuple(product(Direction, CallState))),
    "xivo_users_available": ("xivo_users", ("available",)),
    "xivo_queue_members_available": ("xivo_queue_members_available", ()),
    "xivo_queue_callers_waiting": ("xivo_queue_callers_waiting", ()),
    "xivo_service_up": ("xivo_service_up", ()),
}


def _is_in_a_gauge(letter: Letter) -> bool:
    match letter.name:
        case "endpoint_status_update":
            # The gauge shows endpoints in a combination of states without a name as `other`.
            return int(letter.data["status"]) not in {3, 18}
        case "chatd_presence_updated":
            # No gauge counts available users without those in do-not-disturb.
            return not letter.data.get("do_not_disturb")
        case _:
            return True


NO_COMBINATION = letters().filter(_is_in_a_gauge)


@given(traffic(NO_COMBINATION))
def test_after_a_window_without_events_all_three_are_the_value(steps: list[Step]) -> None:
    pipeline = Pipeline()
    post(pipeline, steps)
    # A leg of a call counts for a day at most.
    pipeline.wait(MAX_LEG_SECONDS)
    pipeline.wait(2 * LONGEST_WINDOW)
    series = pipeline.series()
    levels = {
        (metric, labels): value
        for (metric, labels), value in of_windows(pipeline).items()
        if metric.endswith(("_min", "_max", "_avg"))
    }
    for (metric, (*whose, _)), value in levels.items():
        gauge, states = GAUGES_OF_WINDOWS[metric.rpartition("_")[0]]
        ends = [(state,) if isinstance(state, str) else state for state in states]
        keys = [(gauge, (*whose, *end)) for end in ends] or [(gauge, tuple(whose))]
        assert sum(_number(series[key]) for key in keys) == value, metric
    # Counts of distinct ids are 0.
    for key, value in of_windows(pipeline).items():
        if key not in levels and not key[0].startswith(EXPORTERS_OWN):
            assert value == 0


def _number(value: Value) -> float:
    assert isinstance(value, int | float)
    return value


def test_the_gauge_beside_every_level_is_known() -> None:
    stems = {
        name.rpartition("_")[0] for name in WINDOWED if name.endswith(("_min", "_max", "_avg"))
    }
    assert stems == set(GAUGES_OF_WINDOWS)


@given(traffic(), st.integers(1, 4))
@settings(max_examples=20)
def test_states_that_are_called_late_show_the_same_in_the_end(
    steps: list[Step], minutes: int
) -> None:
    slow, punctual = Pipeline(), Pipeline()
    for step in steps:
        batch = [] if isinstance(step, Pause) else [each.post(slow.now)[0] for each in step]
        slow.take(batch)
        punctual.take(batch)
        # One machine sleeps for hours, the other runs every minute.
        slow.wait(minutes * 3600)
        for _ in range(minutes * 60):
            punctual.wait(60)
        assert slow.now == punctual.now
        assert without_activity_times(slow) == without_activity_times(punctual)


def without_activity_times(pipeline: Pipeline) -> SeriesValues:
    """Return all series but the times of activities, which do not count while nothing runs."""
    return {
        key: value
        for key, value in pipeline.series().items()
        if key[0] != "xivo_agent_activity_seconds_total"
    }


def late(pipeline: Pipeline, subsystem: str) -> int:
    """Return the number of late events that a scrape would show."""
    count = pipeline.store.view().late.get(subsystem, 0)
    assert count == pipeline.late[subsystem]
    return count


@pytest.mark.parametrize(
    "name",
    [
        each.name
        for each in SUBSYSTEMS
        if each.decoders and {spec.name for spec in each.metrics} & WINDOWED
    ],
)
def test_an_event_older_than_the_shortest_window_is_late_but_changes_the_state(
    name: str,
) -> None:
    first, second = _pair(name)
    in_time, too_late = Pipeline(), Pipeline()
    for pipeline in (in_time, too_late):
        pipeline.send(first)
        pipeline.wait(LONGEST_WINDOW)
        assert late(pipeline, name) == 0
    closed = of_closed_windows(too_late)
    start = too_late.now // 60 * 60
    in_time.send(second.but(timestamp=naive(start)))
    assert late(in_time, name) == 0
    # It arrives after its window was closed, so it counts from the start of the current one.
    too_late.send(second.but(timestamp=naive(start - 0.25)))
    assert late(too_late, name) == 1
    assert set(too_late.late) == {name}
    assert of_closed_windows(too_late) == closed
    assert without_times(too_late.series()) == without_times(in_time.series())
    for pipeline in (in_time, too_late):
        pipeline.wait(60)
    assert of_windows(too_late) == of_windows(in_time)


def without_times(series: SeriesValues) -> SeriesValues:
    return {
        key: value
        for key, value in without_windows(series).items()
        if not key[0].endswith(("_timestamp_seconds", "_duration_seconds", "_seconds_total"))
    }


def _pair(subsystem: str) -> tuple[Message, Message]:
    """Return two different events for the same state."""
    pairs: dict[str, tuple[str, dict[str, Any]]] = {
        "agents": ("xivo-15.20_agent_status_update", {"status": "logged_out"}),
        "endpoints": ("document_endpoint_status_update", {"status": 4}),
        "lines": ("wazo-26.08_line_status_updated_lost", {"current_call_count": 1}),
        "calls": ("wazo-26.08_call_updated", {"call_id": "another", "conversation_id": "another"}),
        "queues": ("xivo-15.20_QueueMemberStatus", {"Paused": "1"}),
        "queue_calls": ("xivo-15.20_QueueCallerJoin", {"Uniqueid": "5.5"}),
        "users": ("document_user_status_update", {"status": "away"}),
        "services": ("document_service_registered_event", {"service_id": "another"}),
        "chat": ("document_chat_message_event_corrected", {"msg": "Bye"}),
        "call_forms": ("document_call_form_result", {"user_id": 7}),
    }
    name, other = pairs[subsystem]
    message = corpus.load(f"{subsystem}/{name}")
    if subsystem == "services":
        # A start of xivo-ctid also concerns phones and users.
        message = message.but(service_name="xivo-agentd")
    return message, message.but(**other)


def naive(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()


@given(traffic())
def test_only_events_that_name_a_time_in_the_past_are_late(steps: list[Step]) -> None:
    pipeline = Pipeline()
    past = 0
    for step in steps:
        post(pipeline, [step])
        if not isinstance(step, Pause):
            facts = [letter.post(pipeline.now)[1] for letter in step]
            past += sum(fact.at < fact.arrived for fact in facts if not fact.is_duplicate)
        # At most one state applies an event; the first of an origin also starts other states.
        assert sum(pipeline.late.values()) <= past + 5 * len(ORIGINS)
    assert set(pipeline.late) <= {each.name for each in SUBSYSTEMS if each.decoders}


# --- Time stamps that cannot be true ------------------------------------------------------------


@pytest.mark.parametrize("name", USED)
@pytest.mark.parametrize("seconds", [86_401.0, -1.001, -86_400.0])
def test_an_impossible_time_is_counted_and_treated_as_absent(name: str, seconds: float) -> None:
    message = replace(corpus.load(name), headers={})
    stamped, plain = Pipeline(details=ALL_DETAILS), Pipeline(details=ALL_DETAILS)
    content = json.loads(message.body() or "")
    content.pop("timestamp", None)
    plain.send(replace(message, content=content, is_json=True))
    wrong = {**content, "timestamp": naive(stamped.now - seconds)}
    stamped.send(replace(message, content=wrong, is_json=True))
    clamped = ("xivo_exporter_clamped_timestamps_total", ("default",))
    series, expected = stamped.series(), plain.series()
    assert (series.pop(clamped), expected.pop(clamped)) == (1, 0)
    assert series == expected
    assert not stamped.late
