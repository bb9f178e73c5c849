"""What `record` says while it records, and at its end."""

from __future__ import annotations

from collections import deque
from shlex import quote

from exporter.commands.recorder import Counts
from exporter.exposition.telemetry import BusStatus
from exporter.recording.writer import RecordingWriter
from exporter.settings import Record
from exporter.settings.messages import printable
from exporter.settings.paths import STDIN
from exporter.settings.sizes import spelled_size

RATE_SECONDS = 5.0
"""Time over which the rate of messages is measured."""


class Report:
    """Describes the state of a recording. Times are monotonic, in seconds.

    Args:
        settings: Of the command.
        writer: Writes the recording.
        counts: What happened to the messages.
        status: Status of the bus.
        begun: When the recording began.
    """

    def __init__(
        self,
        settings: Record,
        writer: RecordingWriter,
        counts: Counts,
        status: BusStatus,
        begun: float,
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._counts = counts
        self._status = status
        self._begun = begun
        self._earlier: deque[tuple[float, int]] = deque([(begun, 0)])

    def line(self, now: float) -> str:
        """Return one line for a terminal."""
        counts, settings = self._counts, self._settings
        parts = [
            _plural(counts.messages, "message"),
            f"{self._rate(now):.0f}/s",
            f"{spelled_size(self._writer.size)} of {settings.max_size}",
            _spelled_time(now - self._begun)
            + (f" of {settings.duration}" if settings.duration else ""),
        ]
        if counts.gaps:
            parts.append(_plural(counts.gaps, "gap"))
        if not self._status.connected:
            parts.append(f"waiting for the broker: {self._status.problem}")
        return " · ".join(parts)

    def fields(self, now: float) -> dict[str, object]:
        """Return the same as fields of the log."""
        return {
            "messages": self._counts.messages,
            "bytes": self._writer.size,
            "seconds": round(now - self._begun),
            "gaps": self._counts.gaps,
            "connected": self._status.connected,
        }

    def summary(self, reason: str) -> str:
        """Return what was recorded, and how to use it.

        Args:
            reason: Why it ended.
        """
        counts, settings, files = self._counts, self._settings, self._writer.files
        size = spelled_size(self._writer.size)
        lines = [
            f"Ended by {reason}: {_plural(counts.messages, 'message')}, {size}, "
            + _plural(counts.gaps, "gap")
        ]
        if counts.gaps:
            lines.append("At each gap, messages were missed; the log has the reason.")
        if counts.cut:
            lines.append(f"{_plural(counts.cut, 'body', 'bodies')} over 256 KiB: cut off")
        if counts.bare:
            which = _plural(counts.bare, "message")
            lines.append(f"{which} without headers: they cannot be decoded, or are too large")
        if self._writer.removed:
            lines.append(f"{_plural(self._writer.removed, 'older file')} removed, to keep the size")
        lines.append(
            "It CONTAINS PERSONAL DATA: telephone numbers, names and texts. Protect it."
            if settings.with_personal_data
            else "Telephone numbers, names and texts are replaced."
        )
        if settings.recording != STDIN:
            lines += ["", *(f"  {printable(file.path)}" for file in files[:-1])]
            lines.append(f"  xivo-exporter replay {quote(printable(files[-1].path))}")
        return "\n".join(lines)

    def _rate(self, now: float) -> float:
        """Return the messages in a second, over the last seconds."""
        earlier = self._earlier
        earlier.append((now, self._counts.messages))
        while len(earlier) > 2 and now - earlier[1][0] >= RATE_SECONDS:  # noqa: PLR2004 -- keeps one before
            earlier.popleft()
        at, count = earlier[0]
        return (self._counts.messages - count) / (now - at) if now > at else 0.0


def _plural(count: int, one: str, more: str = "") -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def _spelled_time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
