"""The log: one line per message on stderr, as logfmt or JSON."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

import structlog

from dataflows.unprintable import replace_unprintable

Processor = structlog.typing.Processor


class LogLevel(StrEnum):
    """The lowest level of messages that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """The format of the log."""

    LOGFMT = "logfmt"
    JSON = "json"


def configure(level: LogLevel, style: LogFormat) -> None:
    """Write the exporter's messages, and the warnings of libraries, to stderr in one format."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("msg"),
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style is LogFormat.JSON
        else structlog.processors.LogfmtRenderer(
            key_order=["ts", "level", "msg"], bool_as_flag=False
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _flatten,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    handler.addFilter(_LimitOfLibraries())
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in _OURS:
        logging.getLogger(ours).setLevel(level.upper())


_MINUTE_SECONDS = 60


class RateLimited:
    """Limits the messages of each kind: so many in any 60 seconds.

    If messages of a kind were not written, the next one of that kind has their number in the field
    `held_back`. Use it from one thread only.

    Args:
        write: Called with the message and its fields.
        clock: Monotonic clock, in seconds.
        per_minute: Maximum messages of one kind in a minute.
    """

    def __init__(
        self,
        write: Callable[..., object],
        clock: Callable[[], float] = time.monotonic,
        per_minute: int = 6,
    ) -> None:
        self._write = write
        self._clock = clock
        self._per_minute = per_minute
        self._kinds: dict[str, _Kind] = {}

    def __call__(self, kind: str, event: str, **fields: object) -> None:
        """Write a message, unless its kind has reached the limit."""
        if not self.has_room(kind):
            self.hold_back(kind)
            return
        messages = self._kind(kind)
        messages.written_at.append(self._clock())
        if messages.held_back:
            fields["held_back"] = messages.held_back
            messages.held_back = 0
        self._write(event, **fields)

    def has_room(self, kind: str) -> bool:
        """Return whether a message of this kind would be written now."""
        written_at = self._kind(kind).written_at
        while written_at and self._clock() - written_at[0] >= _MINUTE_SECONDS:
            written_at.popleft()
        return len(written_at) < self._per_minute

    def hold_back(self, kind: str) -> None:
        """Count a message of this kind that is not written."""
        self._kind(kind).held_back += 1

    def _kind(self, kind: str) -> _Kind:
        return self._kinds.setdefault(kind, _Kind())


class _Kind:
    __slots__ = ("held_back", "written_at")

    def __init__(self) -> None:
        self.written_at: deque[float] = deque()
        self.held_back = 0


class _LimitOfLibraries(logging.Filter):
    """Limits the lines of each library, which a peer may cause; ours have limits of their own."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._limited = RateLimited(self._pass)
        self._passed: list[dict[str, object]] = []

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is written."""
        if record.name.partition(".")[0] in _OURS:
            return True
        with self._lock:
            self._passed.clear()
            self._limited(f"{record.name}\t{record.levelname}", "")
            passed = self._passed[:]
        for fields in passed:
            if fields:
                record.msg = f"{record.msg} ({fields['held_back']} held back)"
        return bool(passed)

    def _pass(self, event: str, **fields: object) -> None:
        del event
        self._passed.append(fields)


_OURS = ("exporter", "dataflows")


def _flatten(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keep every message on one line, and remove control characters that came from the bus."""
    del logger, method
    return {
        key: value if isinstance(value, (int, float, bool)) or value is None else _line(value)
        for key, value in event.items()
    }


_MAX_FIELD = 4000


def _line(value: object) -> str:
    text = str(value)
    if len(text) > _MAX_FIELD:
        # The end of a traceback shows the error.
        half = _MAX_FIELD // 2
        text = f"{text[:half]} […] {text[-half:]}"
    return replace_unprintable(text.replace("\n", " | "))
