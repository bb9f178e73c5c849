"""One line of text for each message of a bus: which event it is, and what the exporter reads in it.

All text comes from the bus, so it is escaped for a terminal, and cut.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase

import msgspec

from dataflows.envelope import Delivery, Envelope, Rejected, open_envelope
from dataflows.subscriptions import subscriptions
from dataflows.subsystem import Decoder, Event, Subsystem
from dataflows.subsystems import SUBSYSTEMS

_MAX_VALUE = 200
_MAX_LINE = 2000
"""Characters."""

_ORIGIN = 8
"""Characters of an origin: enough to tell servers apart."""


class EventLines:
    """Makes lines of the messages that are wanted.

    Args:
        subsystems: Those whose events are wanted.
        names: Patterns of names that are wanted, such as `Queue*`; empty for all.
        origins: Beginnings of the origins that are wanted; empty for all.
        is_all: Whether events are wanted that the exporter does not use.
        zone: Time zone of time stamps without a UTC offset; None means this machine's.
        has_date: Whether lines begin with the date.
    """

    def __init__(  # noqa: PLR0913 -- all filters
        self,
        subsystems: Collection[Subsystem],
        names: Sequence[str] = (),
        origins: Sequence[str] = (),
        *,
        is_all: bool = False,
        zone: tzinfo | None = None,
        has_date: bool = False,
    ) -> None:
        self._subsystems = {each.name for each in subsystems}
        self._names = names
        self._origins = tuple(origin.lower() for origin in origins)
        self._is_all = is_all
        self._zone = zone
        self._form = "%Y-%m-%d %H:%M:%S" if has_date else "%H:%M:%S"
        self._subscriptions = subscriptions(SUBSYSTEMS)

    @property
    def decoders(self) -> list[Decoder]:
        """The decoders of the events that are wanted."""
        return [
            decoder
            for name, (decoder, _, _) in self._subscriptions.items()
            if self._is_named(name) and not self._subsystems.isdisjoint(self._readers(name))
        ]

    def line(self, delivery: Delivery) -> str | None:
        """Return the line of a delivery, without its end; None if it is not wanted."""
        envelope: Envelope | None = None
        try:
            envelope = open_envelope(delivery, self._zone)
            if not self._is_wanted(envelope):
                return None
            known = self._subscriptions.get(envelope.name)
            event = known[0].decode(envelope) if known and envelope.origin_uuid else None
        except Rejected as rejected:
            return self._rejected(delivery, envelope, rejected)
        if event is None:
            return self._unused(delivery, envelope) if self._is_all else None
        readers = self._readers(envelope.name, type(event))
        if self._subsystems.isdisjoint(readers):
            return None
        return self._whole(delivery, envelope, f"[{','.join(readers)}]", *_fields(event))

    def _rejected(
        self, delivery: Delivery, envelope: Envelope | None, rejected: Rejected
    ) -> str | None:
        if envelope is None and (self._names or self._origins):
            return None
        if envelope is not None and self._subsystems.isdisjoint(self._readers(envelope.name)):
            return None
        detail = f": {rejected.detail}" if rejected.detail else ""
        return self._whole(delivery, envelope, f"REJECTED {rejected.reason}{detail}")

    def _unused(self, delivery: Delivery, envelope: Envelope) -> str:
        if not envelope.origin_uuid:
            return self._whole(delivery, envelope, "(not used: it has no origin)")
        return self._whole(delivery, envelope, "(not used)")

    def _whole(self, delivery: Delivery, envelope: Envelope | None, *words: str) -> str:
        arrived = datetime.fromtimestamp(delivery.arrived, UTC).astimezone()
        origin = envelope.origin_uuid[:_ORIGIN] if envelope else ""
        name = envelope.name if envelope else ""
        milliseconds = f"{arrived.microsecond // 1000:03}"
        line = " ".join(
            (f"{arrived:{self._form}}.{milliseconds}", origin or "-", name or "-", *words)
        )
        return escaped(line, _MAX_LINE)

    def _is_wanted(self, envelope: Envelope) -> bool:
        if self._origins and not envelope.origin_uuid.startswith(self._origins):
            return False
        return self._is_named(envelope.name)

    def _is_named(self, name: str) -> bool:
        return not self._names or any(fnmatchcase(name, pattern) for pattern in self._names)

    def _readers(self, name: str, kind: type[Event] | None = None) -> list[str]:
        """Return the subsystems that get an event; without its kind, those that it is about."""
        known = self._subscriptions.get(name)
        if known is None:
            return []
        return [*known[1], *(known[2][kind] if kind else ())]


_INTERNAL = frozenset({"origin_uuid", "at", "digest", "is_stamped"})
"""Fields of events that tell nothing more to a person."""


def _fields(event: Event) -> list[str]:
    """Return the fields of an event that are not empty."""
    return [
        f"{name}={_value(value)}"
        for name, value in msgspec.structs.asdict(event).items()
        if name not in _INTERNAL and value not in (None, "", (), frozenset())
    ]


def _value(value: object) -> str:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = {name: each for name, each in value._asdict().items() if each is not None}
    if isinstance(value, str) and value.isprintable() and not {*' "='} & {*value}:
        text = str(value)
    else:
        text = msgspec.json.encode(value, enc_hook=str).decode()
    return text if len(text) <= _MAX_VALUE else f"{text[:_MAX_VALUE]}…"


def escaped(text: str, longest: int) -> str:
    """Return text that is safe for a terminal: on one line, printable, and not too long."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" for c in text)
    return text if len(text) <= longest else f"{text[:longest]}…"
