"""The envelope of events, ids, codes and times."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflows.clock import Countdown, aware, event_time
from dataflows.envelope import (
    Delivery,
    Reason,
    Rejected,
    code,
    entity_id,
    number_id,
    open_envelope,
    read,
)
from dataflows.zone_offsets import ZoneOffset

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp()


def delivery(body: bytes | str | None, stamp: str | None = None) -> Delivery:
    return Delivery("default", body, NOON, stamp)


def reason_of(call: Callable[[], object]) -> Reason:
    with pytest.raises(Rejected) as caught:
        call()
    return caught.value.reason


def test_an_envelope_has_a_name_an_origin_data_and_a_time() -> None:
    envelope = open_envelope(delivery(b'{"name": "x", "origin_uuid": "o", "data": {"a": 1}}'))
    assert (envelope.name, envelope.origin_uuid, envelope.at) == ("x", "o", NOON)
    assert bytes(envelope.data) == b'{"a": 1}'


@pytest.mark.parametrize(
    "body", ['{"name":"é","origin_uuid":"o"}', b'{"name":"\xc3\xa9","origin_uuid":"o"}']
)
def test_bytes_and_text_are_the_same(body: bytes | str) -> None:
    envelope = open_envelope(delivery(body))
    assert envelope.name == "é"
    assert bytes(envelope.data) == b"null"


def test_an_origin_is_a_safe_label_value() -> None:
    body = '{"name":"x","origin_uuid":"' + "o" * 1000 + '"}'
    assert len(open_envelope(delivery(body)).origin_uuid) <= 128


@pytest.mark.parametrize("origin", ["o", "o" * 1000, "o\\n"])
def test_an_origin_is_the_same_before_and_after_it_is_known(origin: str) -> None:
    body = f'{{"name":"x","origin_uuid":"{origin}","timestamp":"2026-03-02T13:00:00"}}'
    safe = open_envelope(delivery(body), UTC).origin_uuid
    known = open_envelope(delivery(body), UTC, {safe: ZoneOffset(NOON, 3600.0, 3600.0)})
    assert (known.origin_uuid, known.at) == (safe, NOON)


def test_a_stamp_of_a_wrong_type_is_ignored_and_the_data_kept() -> None:
    body = '{"name":"x","origin_uuid":"o","timestamp":[1],"data":{"é":[1,2.5,null,true]}}'
    envelope = open_envelope(delivery(body))
    assert envelope.at == NOON
    assert msgspec.json.decode(envelope.data) == {"é": [1, 2.5, None, True]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"timestamp":5,"name":"","origin_uuid":"o"}', Reason.NO_NAME),
        ('{"timestamp":5,"name":"x","origin_uuid":5}', Reason.NO_ORIGIN),
        ('{"timestamp":5,"name":5}', Reason.NO_NAME),
        (r'{"name":"x\ud800","origin_uuid":"o"}', Reason.NOT_JSON),
        (r'{"name":"x","origin_uuid":"o\ud800"}', Reason.NOT_JSON),
        ('{"timestamp":5,"origin_uuid":"o"}', Reason.NO_NAME),
        ('{"name":5,"data":' + "[" * 100_000, Reason.TOO_DEEP),
        ('{"name":5,"data":' + "[" * 100_000 + "]" * 100_000 + "}", Reason.TOO_DEEP),
        ('{"name":5,"data":nul}', Reason.NOT_JSON),
        ('{"name":5,"data":' + "1" * 5000 + "}", Reason.NOT_JSON),
        ("[1,", Reason.NOT_JSON),
    ],
)
def test_an_envelope_with_two_faults_is_one_rejection(body: str, reason: Reason) -> None:
    assert reason_of(lambda: open_envelope(delivery(body))) is reason


@pytest.mark.parametrize("body", ['{"timestamp":5,"name":5}', '{"name":5,"timestamp":5}'])
def test_the_order_of_keys_does_not_decide_over_the_reason(body: str) -> None:
    assert reason_of(lambda: open_envelope(delivery(body))) is Reason.NO_NAME


class _Shape(msgspec.Struct):
    a: int


SHAPE = msgspec.json.Decoder(_Shape)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('{"a":"x"}', Reason.BAD_FIELD),
        ("{}", Reason.BAD_FIELD),
        (" {}", Reason.BAD_FIELD),
        ("[]", Reason.BAD_DATA),
        ("null", Reason.BAD_DATA),
        ('"{"', Reason.BAD_DATA),
        ('{"a":' + "1" * 5000 + "}", Reason.BAD_FIELD),
    ],
)
def test_data_that_does_not_fit_is_a_rejection(data: str, reason: Reason) -> None:
    envelope = open_envelope(delivery('{"name":"x","origin_uuid":"o","data":' + data + "}"))
    assert reason_of(lambda: read(envelope, SHAPE)) is reason


def test_invalid_json_in_the_data_is_not_json() -> None:
    envelope = open_envelope(delivery('{"name":"x","origin_uuid":"o","data":{"b":{},"a":1}}'))
    shape = msgspec.json.Decoder(dict[str, _Shape | int])
    broken = msgspec.structs.replace(envelope, data=msgspec.Raw(b'{"b":'))
    assert reason_of(lambda: read(broken, shape)) is Reason.NOT_JSON


def test_data_that_is_nested_too_deep_is_too_deep() -> None:
    envelope = open_envelope(delivery('{"name":"x","origin_uuid":"o"}'))
    deep = msgspec.structs.replace(envelope, data=msgspec.Raw(b"[" * 100_000))
    assert reason_of(lambda: read(deep, msgspec.json.Decoder())) is Reason.TOO_DEEP


# --- Ids and codes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(42, "42"), ("42", "42"), ("042", "42"), (0, "0"), ("000", "0"), (" 7\n", "7")],
)
def test_a_number_has_one_spelling(value: int | str, text: str) -> None:
    assert number_id(value, "id") == text


@pytest.mark.parametrize(
    "value", [-1, "-1", "", " ", "4.2", "1e3", "٤٢", "²", "x", "9" * 65, 2**63, 10**40, "+1", "1 2"]
)
def test_an_id_that_is_no_number_is_rejected(value: int | str) -> None:
    assert reason_of(lambda: number_id(value, "id")) is Reason.BAD_FIELD


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("CC8DE31A-2fb3-4b07-9a0f-5ae7d9c7ac5c", "cc8de31a-2fb3-4b07-9a0f-5ae7d9c7ac5c"),
        (42, "42"),
        ("42", "42"),
        (2**63 - 1, "9223372036854775807"),
    ],
)
def test_an_id_has_one_spelling(value: int | str, text: str) -> None:
    assert entity_id(value, "id") == text


@pytest.mark.parametrize("value", [-1, 2**63, "", "\t", "-1", "a\nb", "a\u202eb", "x" * 65, "a\0"])
def test_an_invalid_id_is_rejected(value: int | str) -> None:
    assert reason_of(lambda: entity_id(value, "id")) is Reason.BAD_FIELD


@given(st.text(st.characters(), max_size=80) | st.integers())
def test_normalising_an_id_twice_changes_nothing(value: int | str) -> None:
    for form in (entity_id, number_id):
        try:
            once = form(value, "id")
        except Rejected:
            continue
        assert form(once, "id") == once
        assert 0 < len(once) <= 64


@pytest.mark.parametrize(("value", "number"), [(9, 9), ("9", 9), ("-2", -2), (-2, -2), ("017", 17)])
def test_a_code_is_a_number_or_its_digits(value: int | str, number: int) -> None:
    assert code(value, "status") == number


@pytest.mark.parametrize("value", ["", "-", "--1", "1-", "+1", " 1", "1.0", "٣", "1234567", "x"])
def test_an_invalid_code_is_rejected(value: str) -> None:
    assert reason_of(lambda: code(value, "status")) is Reason.BAD_FIELD


# --- Time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "zone", "hour"),
    [
        ("2026-03-02T10:00:00", UTC, 10),
        ("2026-03-02T10:00:00.000000", UTC, 10),
        ("2026-03-02T10:00:00", ZoneInfo("Europe/Paris"), 9),
        ("2026-03-02T05:00:00", ZoneInfo("America/Toronto"), 10),
        ("2026-03-02T10:00:00+02:00", ZoneInfo("Europe/Paris"), 8),
        ("2026-03-02T10:00:00Z", timezone(timedelta(hours=5)), 10),
    ],
)
def test_a_stamp_without_offset_is_in_the_zone_of_the_server(
    stamp: str, zone: tzinfo, hour: int
) -> None:
    assert event_time(stamp, None, NOON, zone) == (NOON - (12 - hour) * 3600, False)


def test_without_a_zone_a_stamp_is_in_the_zone_of_this_machine() -> None:
    local = datetime.fromtimestamp(NOON - 5)  # noqa: DTZ006 -- naive on purpose, as Wazo's stamps
    assert event_time(local.isoformat(), None, NOON, None) == (NOON - 5, False)


def test_the_publishers_stamp_comes_before_the_brokers_and_that_before_the_arrival() -> None:
    assert event_time("2026-03-02T10:00:00", 1, NOON, UTC) == (NOON - 7200, False)
    assert event_time(None, round((NOON - 1.5) * 1000), NOON, UTC) == (NOON - 1.5, False)
    assert event_time(None, None, NOON, UTC) == (NOON, False)


def test_nothing_happens_after_it_arrived() -> None:
    # Clocks may differ by a second; a larger difference cannot be true.
    assert event_time("2026-03-02T12:00:01", None, NOON, UTC) == (NOON, False)
    assert event_time("2026-03-02T12:00:01.001", None, NOON, UTC) == (NOON, True)
    assert event_time("9999-12-31T23:59:59", None, NOON, UTC) == (NOON, True)
    assert event_time("2026-03-02T10:00:00", None, NOON, ZoneInfo("America/Toronto")) == (
        NOON,
        True,
    )
    assert event_time(None, 2**63 - 1, NOON, UTC) == (NOON, True)


def test_nothing_happens_more_than_a_day_before_it_arrived() -> None:
    assert event_time("2026-03-01T12:00:00", None, NOON, UTC) == (NOON - 86_400, False)
    assert event_time("2026-03-01T11:59:59", None, NOON, UTC) == (NOON, True)
    assert event_time(None, 0, NOON, UTC) == (NOON, True)
    assert event_time(None, -(2**63), NOON, UTC) == (NOON, True)


@pytest.mark.parametrize(
    "stamp", ["", "yesterday", "1772463600", "2026-02-30T00:00:00", "\ud800", "2026-03-02T25:00"]
)
def test_a_stamp_that_cannot_be_parsed_counts_as_absent(stamp: str) -> None:
    assert event_time(stamp, None, NOON, UTC) == (NOON, False)
    assert event_time(stamp, round(NOON * 1000) - 500, NOON, UTC) == (NOON - 0.5, False)


def test_a_stamp_out_of_range_is_replaced_by_the_arrival() -> None:
    # Whether Python accepts the year 1 depends on the zone of the machine.
    at, _ = event_time("0001-01-01T00:00:00", None, NOON, None)
    assert at == NOON


def test_an_envelope_shows_whether_its_time_was_replaced() -> None:
    plain = '{"name":"x","origin_uuid":"o"}'
    assert not open_envelope(delivery(plain)).is_clamped
    assert not open_envelope(delivery(plain, stamp="2026-03-02T11:00:00"), UTC).is_clamped
    assert not open_envelope(delivery(plain, stamp="yesterday"), UTC).is_clamped
    replaced = open_envelope(delivery(plain, stamp="1970-01-01T00:00:00"), UTC)
    assert (replaced.at, replaced.is_clamped) == (NOON, True)


def test_the_stamp_of_the_body_comes_before_that_of_the_headers() -> None:
    body = '{"name":"x","origin_uuid":"o","timestamp":"2026-03-02T10:00:00"}'
    assert open_envelope(delivery(body, stamp="2026-03-02T11:00:00"), UTC).at == NOON - 7200
    without = '{"name":"x","origin_uuid":"o","timestamp":null}'
    assert open_envelope(delivery(without, stamp="2026-03-02T11:00:00"), UTC).at == NOON - 3600


def test_unix_seconds_become_an_aware_datetime() -> None:
    assert aware(NOON) == datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_countdown_runs_from_the_first_call() -> None:
    countdown = Countdown(10)
    assert (countdown.is_over(100), countdown.is_over(109.5)) == (False, False)
    assert countdown.due == 110
    assert countdown.is_over(110)
    countdown.stop()
    assert not countdown.is_over(110)
    assert countdown.due == 120
