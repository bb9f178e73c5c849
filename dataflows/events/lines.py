"""Events of lines: whether their phones are registered, and their calls.

The name of a line is not read: it is a random key, or the number of a person.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import msgspec

from dataflows.envelope import Envelope, number_id, read
from dataflows.events.endpoints import LINE_DELETED
from dataflows.events.registration import Endpoint, Registered
from dataflows.listings import Listing, Source
from dataflows.subsystem import Decoder, Event


class Line(NamedTuple):
    """The state of a line.

    Attributes:
        registered: Whether Asterisk can reach its phone.
        calls: Calls under way; None if unknown.
    """

    registered: Registered
    calls: int | None


class LineStatusChanged(Event, frozen=True, gc=False):
    """A phone registered or got lost, or a call of the line began or ended."""

    line_id: str
    line: Line


class LinesListed(Listing, frozen=True, gc=False):
    """All lines of a server, by their id. Source: wazo-calld."""

    source: ClassVar[Source] = Source.CALLD

    lines: dict[str, Line]

    @property
    def is_empty(self) -> bool:
        """Whether there is no line."""
        return not self.lines


_endpoint = msgspec.json.Decoder(Endpoint)


def line_of(endpoint: Endpoint) -> tuple[str, Line]:
    """Return the id of a line, and its state.

    Raises:
        Rejected: BAD_FIELD if the id or the number of calls is not valid.
    """
    return number_id(endpoint.id, "id"), Line(endpoint.state, endpoint.calls)


def _decode(envelope: Envelope) -> LineStatusChanged:
    line_id, line = line_of(read(envelope, _endpoint))
    return LineStatusChanged(envelope.origin_uuid, envelope.at, line_id, line)


DECODERS = (
    Decoder(
        "line_status_updated",
        "lines.*.status.updated",
        _decode,
        "wazo-calld from 20.01. See wazo-bus, line/event.py; wazo-calld, plugins/endpoints",
    ),
    LINE_DELETED,
)
