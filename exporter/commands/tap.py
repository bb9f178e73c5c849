"""The `tap` command: shows the events of a bus as they come, or those of a recording."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dataflows.envelope import Delivery
from dataflows.items import GapNoticed
from exporter import signals
from exporter.clock import wall_clock
from exporter.commands.event_lines import EventLines
from exporter.commands.line_printer import LinePrinter
from exporter.commands.record import TAKEN, redaction
from exporter.commands.recorder import bytes_of
from exporter.consumer.copies import Copy
from exporter.consumer.copy_reader import CopyReader, copied_bus
from exporter.consumer.inbox import bindings_of, everything
from exporter.recording.format import Message, read
from exporter.recording.lines import message_of
from exporter.settings import SettingsError, Tap

POLL_SECONDS = 0.2

GAP = "--- events were missed ---"


def run(settings: Tap) -> bool:
    """Show events until a signal, the end of the recording, or until nobody reads them.

    Returns:
        Whether one of these ended it, and not a failure.

    Raises:
        SettingsError: No event can be shown.
        RecordingError: The recording cannot be read.
        OSError: The bus cannot be reached at the start.
    """
    lines = EventLines(
        settings.kept_subsystems,
        settings.names,
        settings.origins,
        is_all=settings.all_events,
        zone=settings.bus.timezone,
        has_date=settings.recording is not None,
    )
    if not lines.decoders and not settings.all_events:
        problem = "--names: the exporter uses no event of this name; --all-events shows the others"
        raise SettingsError([problem])
    redact = redaction(settings)
    if settings.recording is None:
        return _of_bus(settings, lines, redact)
    return _of_recording(settings.recording, lines, redact)


def _of_recording(path: Path, lines: EventLines, redact: Callable[[Message], Message]) -> bool:
    printer = LinePrinter(lambda: None)
    try:
        for message in read(path):
            line = lines.line(redact(message).delivery("", message.time))
            if line is not None:
                printer.put(line, waits=True)
            if printer.is_broken:
                break
    except KeyboardInterrupt:
        pass
    finally:
        printer.close()
    return True


def _of_bus(settings: Tap, lines: EventLines, redact: Callable[[Message], Message]) -> bool:
    bus = settings.bus
    wanted = (
        (everything(bus.kind),) if settings.all_events else bindings_of(lines.decoders, bus.kind)
    )
    reader = CopyReader(copied_bus(bus, settings.instance, "tap", wanted), wall_clock)
    signals.listen(lambda _: reader.stop())
    printer = LinePrinter(reader.stop)
    begun = wall_clock()
    reader.start()
    try:
        while not reader.is_over:
            items = reader.take(TAKEN)
            for item in items:
                if isinstance(item, GapNoticed):
                    printer.put(GAP)
                elif isinstance(item, Copy):
                    line = lines.line(_delivery(item, redact))
                    if line is not None:
                        printer.put(line)
            reader.keep()
            reader.check_start(wall_clock() - begun)
            if not items:
                reader.wait(POLL_SECONDS)
    finally:
        reader.close()
        printer.close()
    return not reader.has_failed


def _delivery(copy: Copy, redact: Callable[[Message], Message]) -> Delivery:
    stamps = {"timestamp": copy.stamp, "timestamp_in_ms": copy.stamp_ms}
    headers = {name: stamp for name, stamp in stamps.items() if stamp is not None}
    message = message_of(copy.arrived, bytes_of(copy), "", headers, {})
    return redact(message).delivery(copy.bus, copy.arrived)
