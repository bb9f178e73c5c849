"""The time stamps of recorded messages: the zone in which they are, and their shift to now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from math import ceil
from typing import Any, NamedTuple

import msgspec

from dataflows.zone_offsets import QUARTER_SECONDS
from exporter.recording.format import LATEST, Message

_INSIDE = ("LastCall", "LoginTime", "LastPause")
"""Fields of Asterisk's member events: Unix seconds as digits, 0 for never."""

_DIGITS = 11
"""The largest number of digits in such a field."""

_FARTHEST_SECONDS = 14 * 3600.0
"""The largest offset of a time zone from UTC."""

_STAMP, _STAMP_MS = "timestamp", "timestamp_in_ms"


class _Stamped(msgspec.Struct):
    timestamp: str | None = None


_stamped = msgspec.json.Decoder(_Stamped)
_any = msgspec.json.Decoder()


class Shifted(NamedTuple):
    """A message whose times are shifted: its body and its headers."""

    body: bytes
    headers: dict[str, Any]


class Shift:
    """Shifts the times of messages to now, and compresses them if they are played faster.

    All times are mapped in the same way: `begin` to now, and a second later to 1 / `speed` seconds
    later. So the order and the equality of times stay, but the durations inside of events, such
    as TalkTime, are what they were. At real speed the shift is a whole number of seconds, because
    some times inside of events are whole numbers.

    Args:
        begin: A recorded time, Unix seconds.
        now: The time that `begin` becomes, Unix seconds, rounded up by less than a second.
        speed: Recorded seconds in each second.
        zone: Time zone of time stamps without a UTC offset; None for that of the first one.
    """

    def __init__(
        self, begin: float, now: float, speed: float = 1.0, zone: tzinfo | None = None
    ) -> None:
        self._begin = begin
        self._now = begin + ceil(now - begin)
        self._speed = speed
        self._zone = zone

    def at(self, time: float) -> float:
        """Return what a recorded time becomes, Unix seconds."""
        return self._now + (time - self._begin) / self._speed

    def __call__(self, message: Message) -> Shifted:
        """Shift the time stamps of a message, and the times inside of its event.

        Time stamps are written with the offset of UTC. What cannot be read stays as it is.
        """
        if self._zone is None:
            self._zone = zone_seen(message)
        return Shifted(self._body(message.content()), self._headers(message.headers))

    def _headers(self, headers: dict[str, Any]) -> dict[str, Any]:
        shifted = self._stamps(headers)
        ms = headers.get(_STAMP_MS)
        if type(ms) is int and 0 < ms < LATEST * 1000:
            shifted[_STAMP_MS] = round(self.at(ms / 1000) * 1000)
        return shifted

    def _body(self, body: bytes) -> bytes:
        try:
            content = _any.decode(body)
            if not isinstance(content, dict):
                return body
            data = content.get("data")
            if isinstance(data, dict):
                inside = {name: self._inside(data[name]) for name in _INSIDE if name in data}
                content["data"] = data | inside
            return msgspec.json.encode(self._stamps(content))
        except (ValueError, OverflowError, RecursionError):
            return body

    def _stamps(self, fields: dict[str, Any]) -> dict[str, Any]:
        moment = _moment(fields.get(_STAMP))
        if moment is None:
            return {**fields}
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self._zone or UTC)
        try:
            stamp = datetime.fromtimestamp(self.at(moment.timestamp()), UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return {**fields}
        return {**fields, _STAMP: stamp}

    def _inside(self, value: object) -> object:
        if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS and int(value):
            return str(round(self.at(int(value))))
        return value


def zone_seen(message: Message) -> tzinfo | None:
    """Return the zone in which a time stamp without a UTC offset must be, by its arrival.

    It is wrong by a quarter of an hour or more if the message was delayed by at least half of
    that.

    Returns:
        A fixed offset; None if the message has no such stamp, or one that cannot be true.
    """
    try:
        inside = _stamped.decode(message.content()).timestamp
    except (ValueError, RecursionError):
        inside = None
    moment = _moment(inside if inside is not None else message.headers.get(_STAMP))
    if moment is None or moment.tzinfo is not None:
        return None
    ahead = moment.replace(tzinfo=UTC).timestamp() - message.time
    offset = round(ahead / QUARTER_SECONDS) * QUARTER_SECONDS
    return timezone(timedelta(seconds=offset)) if abs(offset) <= _FARTHEST_SECONDS else None


def _moment(stamp: object) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp) if isinstance(stamp, str) else None
    except ValueError:
        return None
