"""Turns copies of messages into lines of a recording, and counts what happens to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataflows.envelope import MAX_BODY
from dataflows.items import GapNoticed, Item
from exporter.consumer.copies import Copy
from exporter.recording.format import Message
from exporter.recording.lines import line_of, message_of
from exporter.recording.writer import RecordingWriter


@dataclass(slots=True)
class Counts:
    """What happened to the messages so far.

    Attributes:
        messages: Messages that were written.
        gaps: Times at which messages were missed.
        cut: Messages with a body of more than `MAX_BODY` bytes, which was cut.
        bare: Messages without routing key, headers or properties that they had, because these could
            not be decoded or written.
    """

    messages: int = 0
    gaps: int = 0
    cut: int = 0
    bare: int = 0


class Recorder:
    """Writes copies of messages, in their order.

    The time of a message is never earlier than that of the one before, also if the clock is set.

    Args:
        writer: Where to write.
        redact: Replaces the personal data of a message.
    """

    def __init__(self, writer: RecordingWriter, redact: Callable[[Message], Message]) -> None:
        self.counts = Counts()
        self._writer = writer
        self._redact = redact
        self._time = 0.0

    def write(self, items: Sequence[Item]) -> bool:
        """Write what a reader took; return False if there is no place for all of it.

        Raises:
            OSError: It cannot be written.
        """
        for item in items:
            if isinstance(item, GapNoticed):
                self.counts.gaps += 1
            elif isinstance(item, Copy) and not self._write(item):
                return False
        return True

    def _write(self, copy: Copy) -> bool:
        self._time = max(self._time, copy.arrived)
        line, is_bare = self._line(copy)
        if not self._writer.write(line):
            return False
        self.counts.messages += 1
        self.counts.cut += copy.size > MAX_BODY
        self.counts.bare += is_bare
        return True

    def _line(self, copy: Copy) -> tuple[bytes, bool]:
        """Return the line of a copy, and whether it has less than the copy around its body."""
        body = bytes_of(copy)
        try:
            message = message_of(self._time, body, copy.routing_key, copy.headers, copy.properties)
            line = line_of(self._redact(message))
            if line is not None:
                return line, copy.is_stripped
        except ValueError:
            # The headers are nested too deeply.
            pass
        bare = line_of(self._redact(message_of(self._time, body, copy.routing_key, {}, {})))
        assert bare is not None, "a body is shorter than a line"
        return bare, True


def bytes_of(copy: Copy) -> bytes:
    """Return the body of a copy."""
    assert isinstance(copy.body, bytes)
    return copy.body
