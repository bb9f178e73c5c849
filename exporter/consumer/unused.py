"""Recognises events that no decoder reads, before a delivery is made of them.

With `--bind-all`, nine of ten messages are such events. Only their names, origins and time stamps
count, so these are all that the dataflow gets of them.
"""

from __future__ import annotations

from collections.abc import Container

import msgspec

from dataflows.envelope import MAX_BODY
from dataflows.items import UnusedEvent
from exporter.consumer.received import Received

_envelope = msgspec.json.Decoder(UnusedEvent)


class UnusedEvents:
    """Recognises the unused events of a bus.

    Args:
        used: Names of the events that decoders read.
    """

    def __init__(self, used: Container[str]) -> None:
        self._used = used

    def find(self, message: Received) -> UnusedEvent | None:
        """Return what counts of a message, or None if the dataflow must have all of it.

        It must have whatever is odd in any way, and finds out what is wrong.
        """
        body = message.body
        if message.stamp is not None or message.stamp_ms is not None or len(body) > MAX_BODY:
            return None
        try:
            event = _envelope.decode(body if isinstance(body, str) else body.decode())
        except (UnicodeError, msgspec.DecodeError, RecursionError):
            return None
        return None if event.name in self._used else event
