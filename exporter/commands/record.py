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
from exporter.consumer.copies import PREFETCH
from exporter.consumer.copy_reader import CopyReader, NotReachedError, copied_bus
from exporter.consumer.inbox import everything
from exporter.recording.format import Message
from exporter.recording.redaction import Redaction
from exporter.recording.writer import RecordingWriter
from exporter.settings import OneBus, Record

log = structlog.get_logger(__name__)

FLUSH_SECONDS = 1.0
"""Time after which messages are in the file, even if the program is killed."""

BATCH = 500
"""Messages after which all are acknowledged; less than the prefetch, so that more come on."""

TAKEN = 50
"""Messages between two looks at signals and the time: hostile ones can take 0.3 s each."""

POLL_SECONDS = 0.2
LOG_SECONDS = 60.0


def run(settings: Record) -> bool:
    """Record until a signal, or the end of the time or of the size.

    Returns:
        Whether one of these ended it, and not a failure.

    Raises:
        OSError: The file cannot be written, or the bus cannot be reached at the start.
    """
    recording = _Recording(settings)
    signals.listen(lambda _: recording.reader.stop())
    reason = recording.run()
    print(recording.report.summary(reason), file=sys.stderr)
    return not recording.reader.has_failed


def redaction(settings: OneBus) -> Callable[[Message], Message]:
    """Return what replaces the personal data of messages, with a key that is not kept."""
    if settings.with_personal_data:
        return lambda message: message
    return Redaction(secrets.token_bytes(32), settings.pause_reasons)


class _Recording:
    """The parts of the command, and what they do together."""

    def __init__(self, settings: Record) -> None:
        self._settings = settings
        wanted = (everything(settings.bus.kind),)
        bus = copied_bus(settings.bus, settings.instance, "record", wanted)
        self.reader = CopyReader(bus, wall_clock)
        size, keep = settings.max_size.bytes, settings.keep_files
        self._writer = RecordingWriter(settings.recording, size, keep)
        self._recorder = Recorder(self._writer, redaction(settings))
        now = time.monotonic()
        status, counts = self.reader.status, self._recorder.counts
        self.report = Report(settings, self._writer, counts, status, now)
        self._begun = self._flushed = self._logged = now
        self._end = now + settings.duration.seconds if settings.duration else inf
        # Messages that are acknowledged, or will be.
        self._kept = 0

    def run(self) -> str:
        """Record, and return why it ended.

        Raises:
            OSError: As `run` of the module.
        """
        self.reader.start()
        try:
            try:
                with Progress() as progress:
                    return self._record(progress)
            finally:
                self._writer.close()
                self.reader.keep()
        except NotReachedError:
            self._writer.discard()
            raise
        except BrokenPipeError:
            return "the reader of the standard output"
        finally:
            self.reader.close()

    def _record(self, progress: Progress) -> str:
        while True:
            now = time.monotonic()
            reason = self._end_reason(now)
            # At the end, all that has arrived, and not what is still to come.
            items = self.reader.take(PREFETCH if reason else TAKEN)
            if not self._recorder.write(items):
                return f"its size, {self._settings.max_size}"
            if reason:
                return reason
            self._flush(now)
            self.reader.check_start(now - self._begun)
            self._tell(progress, now)
            if not items:
                self.reader.wait(POLL_SECONDS)

    def _end_reason(self, now: float) -> str:
        """Return why it must end now; empty if it goes on."""
        if self.reader.has_failed:
            return "an internal error"
        if self.reader.is_over:
            return "a signal"
        return f"its duration, {self._settings.duration}" if now >= self._end else ""

    def _flush(self, now: float) -> None:
        """Put messages into the file from time to time, and let them be acknowledged."""
        count = self._recorder.counts.messages
        if count - self._kept >= BATCH or now - self._flushed >= FLUSH_SECONDS:
            self._writer.flush()
            self.reader.keep()
            self._flushed, self._kept = now, count

    def _tell(self, progress: Progress, now: float) -> None:
        if progress.is_due():
            progress.show(self.report.line(now))
        if not progress.is_shown and now - self._logged >= LOG_SECONDS:
            log.info("recording", **self.report.fields(now))
            self._logged = now
