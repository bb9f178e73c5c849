"""The log: one line per message on stderr, as logfmt or JSON."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from enum import StrEnum

import structlog

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
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("exporter", "dataflows"):
        logging.getLogger(ours).setLevel(level.upper())


_MINUTE_SECONDS = 60


class RateLimited:
    """Limits the messages of each kind per minute.

    If messages of a kind were not written in a minute, the next one of that kind has their number
    in the field `held_back`. Use it from one thread only.

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
        self._kinds: dict[str, _Minute] = {}

    def __call__(self, kind: str, event: str, **fields: object) -> None:
        """Write a message, unless its kind has reached the limit."""
        now = self._clock()
        minute = self._kinds.get(kind)
        if minute is None or now - minute.start >= _MINUTE_SECONDS:
            held_back = minute.held_back if minute is not None else 0
            minute = self._kinds[kind] = _Minute(now)
            if held_back:
                fields["held_back"] = held_back
        if minute.written < self._per_minute:
            minute.written += 1
            self._write(event, **fields)
        else:
            minute.held_back += 1


class _Minute:
    __slots__ = ("held_back", "start", "written")

    def __init__(self, start: float) -> None:
        self.start = start
        self.written = 0
        self.held_back = 0


def _flatten(
    logger: object, method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Keep every message on one line, and remove control characters that came from the bus."""
    del logger, method
    return {
        key: value if isinstance(value, (int, float, bool)) or value is None else _printable(value)
        for key, value in event.items()
    }


_MAX_FIELD = 4000


def _printable(value: object) -> str:
    text = str(value)
    if len(text) > _MAX_FIELD:
        # The end of a traceback shows the error.
        half = _MAX_FIELD // 2
        text = f"{text[:half]} […] {text[-half:]}"
    text = text.replace("\n", " | ")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
