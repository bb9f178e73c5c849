"""The `record` command: writes what a bus carries to a file.

It reads a queue of its own, so an exporter beside it gets all its messages too. A message is
acknowledged after it is in the file. So a reconnection loses no message, and repeats none.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable
from math import inf

import structlog

from exporter import signals
from exporter.clock import wall_clock
from exporter.commands.progress import Progress
from exporter.commands.record_report import Report
from exporter.commands.recorder import Recorder
from exporter.consumer.copy_reader import CopyReader, copied_bus
from exporter.consumer.inbox import everything
from exporter.recording.format import Message
from exporter.recording.redaction import Redaction
from exporter.recording.writer import RecordingWriter
from exporter.settings import ExchangeType, OneBus, Record

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 1.0
"""Time after which messages are in the file, even if the program is killed."""

BATCH = 500
"""Messages after which all are acknowledged; less than the prefetch, so that more come on."""

POLL_SECONDS = 0.2
LOG_SECONDS = 60.0


def run(settings: Record) -> bool:
    """Record until a signal, or the end of the time or of the size.

    Returns:
        Whether one of these ended it, and not a failure.

    Raises:
        OSError: The file cannot be written, or the bus cannot be reached at the start.
    """
    writer = RecordingWriter(settings.recording, settings.max_size.bytes, settings.keep_files)
    recorder = Recorder(writer, redaction(settings))
    kind = settings.bus.exchange_type or ExchangeType.of(settings.bus.exchange)
    bus = copied_bus(settings.bus, settings.instance, "record", (everything(kind),))
    reader = CopyReader(bus, wall_clock)
    report = Report(settings, writer, recorder.counts, reader.status, time.monotonic())
    signals.listen(lambda _: reader.stop())
    reader.start()
    try:
        try:
            with Progress() as progress:
                reason = _record(settings, reader, recorder, writer, report, progress)
        finally:
            writer.close()
        reader.keep()
    except BrokenPipeError:
        reason = "the reader of the standard output"
    finally:
        reader.close()
    print(report.summary(reason), file=sys.stderr)
    return not reader.has_failed


def redaction(settings: OneBus) -> Callable[[Message], Message]:
    """Return what replaces the personal data of messages, with a key that is not kept."""
    return (lambda message: message) if settings.with_personal_data else Redaction(_new_key())


def _new_key() -> bytes:
    return secrets.token_bytes(32)


def _record(  # noqa: PLR0913, PLR0917 -- the parts of the command
    settings: Record,
    reader: CopyReader,
    recorder: Recorder,
    writer: RecordingWriter,
    report: Report,
    progress: Progress,
) -> str:
    """Record, and return why it ended."""
    begun = flushed = logged = time.monotonic()
    end = begun + settings.duration.seconds if settings.duration else inf
    kept = 0
    while True:
        is_over = reader.is_over
        items = reader.take(BATCH)
        if not recorder.write(items):
            return f"its size, {settings.max_size}"
        now = time.monotonic()
        if recorder.counts.messages - kept >= BATCH or now - flushed >= FLUSH_SECONDS or is_over:
            writer.flush()
            reader.keep()
            flushed, kept = now, recorder.counts.messages
        if is_over:
            return "an internal error" if reader.has_failed else "a signal"
        if now >= end:
            return f"its duration, {settings.duration}"
        reader.check_start(now - begun)
        if progress.is_due():
            progress.show(report.line(now))
        if not progress.is_shown and now - logged >= LOG_SECONDS:
            log.info("recording", **report.fields(now))
            logged = now
        if not items:
            reader.wait(POLL_SECONDS)
