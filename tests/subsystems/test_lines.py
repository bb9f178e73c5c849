from dataflows.events.lines import Line, LinesListed
from dataflows.events.registration import Registered
from dataflows.items import SnapshotBegun, SnapshotTaken
from dataflows.listings import Source
from tests.corpus import ORIGIN, OTHER_ORIGIN, Message, event, load, names
from tests.pipeline import Pipeline, assert_exposition

UNTRACKED = load("lines/wazo-26.08_line_status_updated_nulls")
DELETED = event("line_deleted", {"id": 8})


def line(
    line_id: int, *, registered: bool | None = True, calls: int | None = 0, origin: str = ORIGIN
) -> Message:
    data: dict[str, object] = {"id": line_id, "name": "ab3c4d5e", "technology": "sip"}
    data |= {"registered": registered, "current_call_count": calls}
    return event("line_status_updated", data, origin)


def test_a_line_is_registered_or_not_or_nobody_knows() -> None:
    pipeline = Pipeline()
    pipeline.send(line(1, calls=1), line(2), line(3, registered=False), line(4, registered=None))
    pipeline.send(UNTRACKED, load("lines/wazo-26.08_line_status_updated_missing"))
    assert_exposition(
        pipeline,
        """
        xivo_lines{origin_uuid="ca7f…",registered="yes"} 2
        xivo_lines{origin_uuid="ca7f…",registered="no"} 1
        xivo_lines{origin_uuid="ca7f…",registered="unknown"} 3
        xivo_lines_in_call{origin_uuid="ca7f…"} 1
        """,
    )


def test_values_are_absolute_so_repeated_events_change_nothing() -> None:
    pipeline = Pipeline()
    for calls in (1, 2, 2, 1):
        pipeline.send(line(1, calls=calls), line(1, calls=calls))
        assert pipeline.value("xivo_lines_in_call") == 1
        assert pipeline.value("xivo_lines", "yes") == 1
    pipeline.send(line(1, calls=0))
    assert pipeline.value("xivo_lines_in_call") == 0


def test_a_line_that_can_no_longer_be_reached_may_still_be_in_a_call() -> None:
    pipeline = Pipeline()
    pipeline.send(line(1, calls=1), line(1, registered=False, calls=1))
    assert_exposition(
        pipeline,
        """
        xivo_lines{origin_uuid="ca7f…",registered="no"} 1
        xivo_lines_in_call{origin_uuid="ca7f…"} 1
        """,
    )


def test_a_deleted_line_is_removed_and_stays_deleted_for_a_minute() -> None:
    pipeline = Pipeline(details=["lines"])
    pipeline.send(line(8, calls=1), DELETED, line(8), DELETED)
    assert_exposition(
        pipeline,
        'xivo_lines_in_call{origin_uuid="ca7f…"} 0',
        "xivo_lines",
        "xivo_lines_in_call",
        "xivo_line_registered",
        "xivo_line_calls",
    )
    pipeline.wait(60)
    pipeline.send(line(8))
    assert pipeline.value("xivo_lines", "yes") == 1


def test_one_event_deletes_the_line_and_its_endpoint() -> None:
    pipeline = Pipeline()
    pipeline.send(line(67), event("endpoint_status_update", {"endpoint_id": 67, "status": 0}))
    pipeline.send(load("lines/xivo-15.20_line_deleted"))
    assert pipeline.value("xivo_lines", "yes") == 0
    assert pipeline.value("xivo_endpoints", "idle") == 0


def test_a_server_that_only_deletes_lines_has_no_series_of_them() -> None:
    pipeline = Pipeline()
    pipeline.send(
        load("lines/wazo-26.08_line_deleted"), load("configuration/wazo-26.08_line_created")
    )
    assert pipeline.value("xivo_lines", "yes") is None
    assert pipeline.value("xivo_state_known", "lines") is None


def test_details_show_what_is_known_of_each_line_by_its_id() -> None:
    pipeline = Pipeline(details=["lines"])
    pipeline.send(line(1, calls=2), line(2, registered=False), line(3, registered=None), UNTRACKED)
    expected = """
        xivo_line_registered{line="1",origin_uuid="ca7f…"} 1
        xivo_line_registered{line="2",origin_uuid="ca7f…"} 0
        xivo_line_calls{line="1",origin_uuid="ca7f…"} 2
        xivo_line_calls{line="2",origin_uuid="ca7f…"} 0
        xivo_line_calls{line="3",origin_uuid="ca7f…"} 0
        """
    assert_exposition(pipeline, expected)
    pipeline.restart()
    assert_exposition(pipeline, expected)
    # What is not known any more has no series.
    pipeline.send(line(1, registered=None, calls=None))
    assert pipeline.value("xivo_line_registered", "1") is None
    assert pipeline.value("xivo_line_calls", "1") is None
    pipeline.restart(details=frozenset())
    assert_exposition(pipeline, "", "xivo_line_registered", "xivo_line_calls")
    assert pipeline.value("xivo_lines", "unknown") == 3


def test_no_name_of_a_line_is_shown() -> None:
    pipeline = Pipeline(details=["lines"])
    pipeline.send(*(load(name) for name in names("lines")))
    assert "ab3c4d5e" not in pipeline.text()


def test_the_same_line_id_on_two_servers_is_two_lines() -> None:
    pipeline = Pipeline()
    pipeline.send(line(8), line(8, registered=False, calls=1, origin=OTHER_ORIGIN), DELETED)
    assert_exposition(
        pipeline,
        """
        xivo_lines_in_call{origin_uuid="ca7f…"} 0
        xivo_lines{origin_uuid="0d6c…",registered="no"} 1
        xivo_lines_in_call{origin_uuid="0d6c…"} 1
        """,
        "xivo_lines",
        "xivo_lines_in_call",
    )


def test_windows_show_the_most_lines_in_a_call() -> None:
    pipeline = Pipeline(windows="1m,today")
    pipeline.send(line(1, calls=1), line(2, calls=1))
    pipeline.wait(15)
    pipeline.send(line(1, calls=0))
    pipeline.wait(60)
    assert pipeline.value("xivo_lines_in_call_max", "1m") == 2
    assert pipeline.value("xivo_lines_in_call_min", "1m") == 1
    assert pipeline.value("xivo_lines_in_call_avg", "1m") == 1.25
    assert pipeline.value("xivo_lines_in_call_max", "today") == 2


def test_lines_beyond_the_limit_are_counted_as_refused() -> None:
    pipeline = Pipeline(max_entities=2)
    pipeline.send(*(line(number, calls=1) for number in range(4)))
    assert pipeline.value("xivo_lines_in_call") == 2
    assert pipeline.refused == {"lines": 2}


def test_a_list_replaces_what_no_event_changed_since_the_request() -> None:
    pipeline = Pipeline(details=["lines"])
    pipeline.send(line(1, calls=1), line(2), line(3))
    now = pipeline.now
    pipeline.take([SnapshotBegun("default", now, ORIGIN, Source.CALLD, 1)])
    pipeline.send(line(2, calls=1))
    lines = {
        "1": Line(Registered.NO, 0),
        "2": Line(Registered.YES, 0),
        "4": Line(Registered.UNKNOWN, None),
    }
    listed = (LinesListed(ORIGIN, now, 1, lines),)
    pipeline.take([SnapshotTaken("default", now, ORIGIN, Source.CALLD, 1, listed)])
    assert_exposition(
        pipeline,
        """
        xivo_lines{origin_uuid="ca7f…",registered="yes"} 1
        xivo_lines{origin_uuid="ca7f…",registered="no"} 1
        xivo_lines{origin_uuid="ca7f…",registered="unknown"} 1
        xivo_lines_in_call{origin_uuid="ca7f…"} 1
        xivo_line_registered{line="1",origin_uuid="ca7f…"} 0
        xivo_line_registered{line="2",origin_uuid="ca7f…"} 1
        xivo_line_calls{line="1",origin_uuid="ca7f…"} 0
        xivo_line_calls{line="2",origin_uuid="ca7f…"} 1
        """,
    )
    assert pipeline.value("xivo_state_known", "lines") == 1
