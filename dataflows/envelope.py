"""Parse a delivery into an envelope, the JSON object around every event of the bus.

    {"name": "agent_status_update", "origin_uuid": "ca7f…", "data": {…}, "timestamp": "…"}

The body is parsed once. `data` stays raw JSON until the decoder of the event
parses it, so the data of an unused event is never parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from enum import StrEnum
from typing import TypeVar

import msgspec

from dataflows.clock import event_time
from dataflows.labels import label
from dataflows.repair import MAX_REPAIRED, REPLACEMENT, repaired
from dataflows.zone_offsets import ZoneOffset

T = TypeVar("T")

MAX_BODY = 256 * 1024
"""Bytes. The largest real events, which list the calls of a switchboard, are below 64 KiB."""


class Reason(StrEnum):
    """Why a delivery was rejected; a closed list of label values."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_OBJECT = "not_object"
    NO_NAME = "no_name"
    NO_ORIGIN = "no_origin"
    BAD_DATA = "bad_data"
    BAD_FIELD = "bad_field"
    OVER_LIMIT = "over_limit"


class Rejected(Exception):  # noqa: N818 -- the glossary's word; the exporter made no error
    """The delivery cannot be used, for this reason."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One AMQP message as received.

    Attributes:
        bus: Name of the configured bus.
        body: None if it was longer than `MAX_BODY` and was discarded on arrival.
        arrived: Unix seconds.
        stamp: Header `timestamp`, if the publisher sent one.
        stamp_ms: Header `timestamp_in_ms`, if the broker adds it.
    """

    bus: str
    body: bytes | str | None
    arrived: float
    stamp: str | None = None
    stamp_ms: int | None = None


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The parsed envelope of an event.

    Attributes:
        name: Of the event; for AMI events the AMI name. Empty only without an origin.
        origin_uuid: The server that published it, made safe for a label value; empty for a
            message of another program, such as an ARI event that Asterisk itself publishes.
        data: The event's own fields, as unparsed JSON.
        at: When the event happened, Unix seconds.
        is_clamped: Its time stamp cannot be true and was replaced by the arrival.
        stamp: The publisher's time stamp as it is, empty if there is none.
    """

    name: str
    origin_uuid: str
    data: msgspec.Raw
    at: float
    is_clamped: bool = False
    stamp: str = ""


class _Wire(msgspec.Struct, gc=False):
    name: str | None = None
    origin_uuid: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")
    timestamp: str | None = None


_wire = msgspec.json.Decoder(_Wire)
_any_json = msgspec.json.Decoder()


_NO_OFFSETS: Mapping[str, ZoneOffset] = {}


def open_envelope(
    delivery: Delivery,
    zone: tzinfo | None = None,
    offsets: Mapping[str, ZoneOffset] = _NO_OFFSETS,
) -> Envelope:
    """Parse the body of a delivery.

    Args:
        delivery: Its body may be bytes or text; the content type is ignored.
        zone: Time zone of time stamps without a UTC offset; None means this machine's zone.
        offsets: By how much those of an origin differ from that zone. The origins are safe.

    Raises:
        Rejected: With any reason except BAD_FIELD, BAD_DATA and OVER_LIMIT.
    """
    body = delivery.body
    if body is None:
        raise Rejected(Reason.TOO_LARGE)
    try:
        text = body if isinstance(body, str) else body.decode()
        wire = _wire.decode(text)
    except (UnicodeError, msgspec.DecodeError) as error:
        wire = _open_invalid(body, error)
    except RecursionError as error:
        raise Rejected(Reason.TOO_DEEP) from error
    if wire.origin_uuid and not wire.name:
        raise Rejected(Reason.NO_NAME)
    origin, stamp = wire.origin_uuid or "", wire.timestamp or delivery.stamp
    offset = offsets.get(origin)
    if offset is None:  # All others are safe for labels, so they need no check.
        origin = label(origin)
        offset = offsets.get(origin)
    at, is_clamped = delivery.arrived, False
    if stamp is not None or delivery.stamp_ms is not None:
        at, is_clamped = event_time(stamp, delivery.stamp_ms, at, zone, offset)
    return Envelope(wire.name or "", origin, wire.data, at, is_clamped, stamp or "")


def _open_invalid(body: bytes | str, error: Exception) -> _Wire:
    """Return the envelope if only its texts, or its time stamp, are invalid.

    Raises:
        Rejected: The body is no JSON object, or has no valid name or origin.
    """
    is_invalid = not isinstance(error, msgspec.ValidationError)
    if is_invalid and len(body) > MAX_REPAIRED:
        raise Rejected(_reason(error), str(error)) from error
    try:
        content = _any_json.decode(repaired(body) if is_invalid else body)
    except msgspec.DecodeError as worse:
        raise Rejected(_reason(error), str(worse)) from error
    except RecursionError as worse:
        raise Rejected(Reason.TOO_DEEP) from worse
    if not isinstance(content, dict):
        raise Rejected(Reason.NOT_OBJECT) from error
    name, origin, stamp = content.get("name"), content.get("origin_uuid"), content.get("timestamp")
    if not isinstance(name, str | None):
        raise Rejected(Reason.NO_NAME, str(error)) from error
    if not isinstance(origin, str | None):
        raise Rejected(Reason.NO_ORIGIN, str(error)) from error
    if is_invalid and REPLACEMENT in f"{name}{origin}":
        raise Rejected(_reason(error), str(error)) from error
    data = msgspec.Raw(msgspec.json.encode(content.get("data")))
    return _Wire(name, origin, data, stamp if isinstance(stamp, str) else None)


def _reason(error: Exception) -> Reason:
    return Reason.NOT_UTF8 if isinstance(error, UnicodeError) else Reason.NOT_JSON


def read(envelope: Envelope, decoder: msgspec.json.Decoder[T]) -> T:
    """Parse the data of an envelope into a struct.

    Raises:
        Rejected: BAD_DATA if the data is not an object, BAD_FIELD if a field is missing
            or has a wrong type or value, NOT_JSON or TOO_DEEP for invalid JSON inside.
    """
    try:
        return decoder.decode(envelope.data)
    except msgspec.ValidationError as error:
        is_object = bytes(envelope.data).lstrip().startswith(b"{")
        raise Rejected(Reason.BAD_FIELD if is_object else Reason.BAD_DATA, str(error)) from error
    except msgspec.DecodeError as error:
        raise Rejected(Reason.NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise Rejected(Reason.TOO_DEEP) from error


def number_id(value: int | str, field: str) -> str:
    """Normalise a database id: 42, "42" and "042" become "42".

    Raises:
        Rejected: BAD_FIELD if it is not a number, negative or too large.
    """
    if type(value) is int and 0 <= value < _MAX_NUMBER:
        return str(value)
    text = entity_id(value, field)
    if not (text.isascii() and text.isdecimal()):
        raise Rejected(Reason.BAD_FIELD, f"{field} is not a number")
    return text.lstrip("0") or "0"


def entity_id(value: int | str, field: str) -> str:
    """Normalise an id, which is a number or a UUID, to text in lower case.

    Raises:
        Rejected: BAD_FIELD if it is negative, empty, unprintable or too long.
    """
    if isinstance(value, str):
        text = value.strip().lower()
        if 0 < len(text) <= _MAX_ID and text[0] != "-" and text.isprintable():
            return text
    elif 0 <= value < _MAX_NUMBER:
        return str(value)
    raise Rejected(Reason.BAD_FIELD, f"{field} is not a valid id")


def code(value: int | str, field: str) -> int:
    """Parse a state code: an integer, or digits as AMI sends them.

    Raises:
        Rejected: BAD_FIELD if it is neither.
    """
    known = _CODES.get(value)
    if known is not None:
        return known
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_CODE):
            raise Rejected(Reason.BAD_FIELD, f"{field} is not an integer code")
        return int(value)
    return value


_CODES: dict[int | str, int] = {str(number): number for number in range(-2, 100)}
"""A table of nearly all codes, because a lookup is faster than parsing."""

_MAX_CODE = 6
"""Digits of a code; real ones have at most two."""

_MAX_ID = 64
"""Characters; a UUID has 36."""

_MAX_NUMBER = 2**63
"""The limit of a 64-bit integer column in the database."""
