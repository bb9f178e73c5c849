"""From one delivery to one envelope: the wrapper that every event of the bus shares.

    {"name": "agent_status_update", "origin_uuid": "ca7f…", "data": {…}, "timestamp": "…"}

The body is parsed once. `data` stays raw JSON until the decoder of that event,
which knows its shape, takes it: an event that nobody uses costs no more than
its envelope.
"""

from __future__ import annotations

from datetime import tzinfo
from enum import StrEnum
from typing import TypeVar

import msgspec

from dataflows.clock import event_time
from dataflows.labels import label

T = TypeVar("T")

MAX_BODY = 256 * 1024
"""Bytes. The largest events of the bus, lists of a switchboard's calls, stay below 64 KiB."""


class Reason(StrEnum):
    """Why a delivery was rejected. Closed: these are label values."""

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


class Rejected(Exception):  # noqa: N818 -- the glossary's word; not an error of ours
    """A delivery that cannot be used, and why."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One AMQP message as received.

    Attributes:
        bus: Name of the configured bus that it came from.
        body: As it came. None when it was longer than `MAX_BODY` and was dropped on arrival.
        arrived: Unix seconds.
        stamp: Header `timestamp`, if the publisher sent one.
        stamp_ms: Header `timestamp_in_ms`, if the broker is told to add it.
        duplicate: Known to have been processed already, before a reconnection.
    """

    bus: str
    body: bytes | str | None
    arrived: float
    stamp: str | None = None
    stamp_ms: int | None = None
    duplicate: bool = False


class Opened(msgspec.Struct, frozen=True, gc=False):
    """The dataflow began to read a bus; nothing was delivered yet."""

    bus: str


class ClockSetBack(msgspec.Struct, frozen=True, gc=False):
    """The machine's clock went back: what was to be done by it waits for a time long past."""

    bus: str


Item = Delivery | Opened | ClockSetBack
"""What the source of a bus gives."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The bus wrapper after parsing.

    Attributes:
        name: Of the event; for AMI events the AMI name.
        origin_uuid: The server that published it, fit to be a label value.
        data: JSON of the event's own part, unparsed.
        at: When it happened, Unix seconds.
        is_clamped: It carried a time that cannot be true, and has that of its arrival.
    """

    name: str
    origin_uuid: str
    data: msgspec.Raw
    at: float
    is_clamped: bool = False


class _Wire(msgspec.Struct, gc=False):
    name: str
    origin_uuid: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    timestamp: str | None = None


_wire = msgspec.json.Decoder(_Wire)
_anything = msgspec.json.Decoder()


def open_envelope(delivery: Delivery, zone: tzinfo | None = None) -> Envelope:
    """Parse the body of a delivery.

    Args:
        delivery: Body as bytes or text, whatever its content type says.
        zone: Where naive time stamps were taken; None means this machine's zone.

    Raises:
        Rejected: With any reason but BAD_FIELD, BAD_DATA and OVER_LIMIT.
    """
    body = delivery.body
    if body is None:
        raise Rejected(Reason.TOO_LARGE)
    try:
        text = body if isinstance(body, str) else body.decode()
        wire = _wire.decode(text)
    except UnicodeError as error:
        # Also lone surrogates in text: whoever made it, it was no UTF-8.
        raise Rejected(Reason.NOT_UTF8) from error
    except msgspec.ValidationError as error:
        wire = _lenient(text, error)
    except msgspec.DecodeError as error:
        raise Rejected(Reason.NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise Rejected(Reason.TOO_DEEP) from error
    if not wire.name:
        raise Rejected(Reason.NO_NAME)
    if not wire.origin_uuid:
        raise Rejected(Reason.NO_ORIGIN)
    stamp = wire.timestamp or delivery.stamp
    at, is_clamped = event_time(stamp, delivery.stamp_ms, delivery.arrived, zone)
    return Envelope(wire.name, label(wire.origin_uuid), wire.data, at, is_clamped)


def _lenient(text: str, error: msgspec.ValidationError) -> _Wire:
    """Tell why an envelope does not fit; forgive a time stamp that is no text."""
    try:
        body = _anything.decode(text)
    except msgspec.DecodeError as worse:
        raise Rejected(Reason.NOT_JSON, str(worse)) from worse
    except RecursionError as worse:
        raise Rejected(Reason.TOO_DEEP) from worse
    if not isinstance(body, dict):
        raise Rejected(Reason.NOT_OBJECT) from error
    name, origin = body.get("name"), body.get("origin_uuid")
    if not isinstance(name, str):
        raise Rejected(Reason.NO_NAME, str(error)) from error
    if not isinstance(origin, str):
        raise Rejected(Reason.NO_ORIGIN, str(error)) from error
    return _Wire(name, origin, msgspec.Raw(msgspec.json.encode(body.get("data"))))


def read(envelope: Envelope, shape: msgspec.json.Decoder[T]) -> T:
    """Parse the data of an envelope into the shape that its event must have.

    Raises:
        Rejected: BAD_DATA when the data is no object, BAD_FIELD when a field is
            missing or does not fit, NOT_JSON for text that only this parser meets.
    """
    try:
        return shape.decode(envelope.data)
    except msgspec.ValidationError as error:
        is_object = bytes(envelope.data).lstrip().startswith(b"{")
        raise Rejected(Reason.BAD_FIELD if is_object else Reason.BAD_DATA, str(error)) from error
    except msgspec.DecodeError as error:
        raise Rejected(Reason.NOT_JSON, str(error)) from error
    except RecursionError as error:
        raise Rejected(Reason.TOO_DEEP) from error


def number_id(value: int | str, field: str) -> str:
    """Give a database id one spelling: 42 and "42" are the same agent.

    Raises:
        Rejected: BAD_FIELD when it is no natural number of a credible size.
    """
    text = entity_id(value, field)
    if type(value) is int:
        return text
    if not (text.isascii() and text.isdecimal()):
        raise Rejected(Reason.BAD_FIELD, f"{field} is not a number")
    return text.lstrip("0") or "0"


def entity_id(value: int | str, field: str) -> str:
    """Give an id, a number or a UUID, one spelling: text, in lower case.

    Raises:
        Rejected: BAD_FIELD when it is negative, empty, or longer than any real id.
    """
    if isinstance(value, int):
        if 0 <= value < _MAX_NUMBER:
            return str(value)
    else:
        text = value.strip().lower()
        if 0 < len(text) <= _MAX_ID and text.isprintable() and not text.startswith("-"):
            return text
    raise Rejected(Reason.BAD_FIELD, f"{field} is not an id")


def code(value: int | str, field: str) -> int:
    """Read a small integer code, as a number or as AMI's digits.

    Raises:
        Rejected: BAD_FIELD when it is neither.
    """
    known = _CODES.get(value)
    if known is not None:
        return known
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_CODE):
            raise Rejected(Reason.BAD_FIELD, f"{field} is not a code")
        return int(value)
    return value


_CODES: dict[int | str, int] = {str(number): number for number in range(-2, 100)}
"""The digits of nearly all codes."""

_MAX_CODE = 6
"""Digits of a state code; real ones have two."""

_MAX_ID = 64
"""Characters: a UUID has 36."""

_MAX_NUMBER = 2**63
"""What a database's id can hold."""
