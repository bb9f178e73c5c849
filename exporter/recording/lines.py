"""Makes messages of a recording from messages of AMQP, and writes them as lines.

What is written can be read again: each message is read back before it counts as written.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import msgspec

from exporter.recording.format import MAX_LINE, Message

MAX_DEPTH = 20
"""Tables and lists in each other, in the headers of a message; real ones have one or two."""

_BYTES = (bytes, bytearray, memoryview)
_encode = msgspec.json.Encoder().encode
_probe = msgspec.json.Decoder(Message)


def message_of(
    time: float,
    body: bytes,
    routing_key: str,
    headers: Mapping[Any, Any],
    properties: Mapping[Any, Any],
) -> Message:
    """Return the message of a recording.

    Values of headers that JSON does not have become an object with one key: `@time` with a time as
    in RFC 3339, `@decimal` or `@float` with a number as text, `@bytes` with base64.

    Args:
        time: When it arrived, Unix seconds.
        body: As the publisher sent it.
        routing_key: Of AMQP.
        headers: As py-amqp decodes them.
        properties: The other properties, as py-amqp decodes them.

    Raises:
        ValueError: The headers are nested too deeply.
    """
    text, encoding = _body(body)
    return Message(
        *(time, text, routing_key, _table(headers, 0), _table(properties, 0)),
        encoding=encoding,  # type: ignore[arg-type]  # a literal
    )


def line_of(message: Message) -> bytes | None:
    """Return the line of a message, with its end; None if it is too long."""
    line = _encode(message) + b"\n"
    return line if len(line) <= MAX_LINE else None


def _body(body: bytes) -> tuple[msgspec.Raw, str]:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return msgspec.Raw(_encode(b64encode(body).decode())), "base64"
    return msgspec.Raw(body if _is_object(body) else _encode(text)), ""


def _is_object(body: bytes) -> bool:
    """Return whether a body is an object that the reader finds as it is within its line."""
    if not body.startswith(b"{") or b"\n" in body or b"\r" in body:
        return False
    try:
        return bytes(_probe.decode(b'{"time":0,"body":' + body + b"}").body) == body
    except (msgspec.DecodeError, RecursionError):
        return False


def _table(table: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    return {_name(key): _value(value, depth) for key, value in table.items()}


def _name(key: object) -> str:
    # py-amqp returns names that are not UTF-8 as bytes.
    return bytes(key).decode(errors="backslashreplace") if isinstance(key, _BYTES) else str(key)


def _value(value: Any, depth: int) -> Any:  # noqa: ANN401, PLR0911 -- any of AMQP becomes any of JSON
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else {"@float": str(value)}
    if isinstance(value, Decimal):
        return {"@decimal": str(value)}
    if isinstance(value, datetime):
        # py-amqp returns times in UTC, without their zone.
        return {"@time": value.replace(tzinfo=value.tzinfo or UTC).isoformat()}
    if depth >= MAX_DEPTH:
        msg = "the headers are nested too deeply"
        raise ValueError(msg)
    if isinstance(value, Mapping):
        return _table(value, depth + 1)
    if isinstance(value, list | tuple):
        return [_value(each, depth + 1) for each in value]
    return {
        "@bytes": b64encode(value if isinstance(value, _BYTES) else str(value).encode()).decode()
    }
