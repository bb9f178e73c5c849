"""The `replay` command: shows what the exporter makes of a recording.

Without a speed, a virtual clock plays it at once, and the series at its end are printed. With a
speed, it is published to a bus in this process, and an exporter reads that bus and serves metrics.
It is never published to the bus of a telephony server: daemons there would act on it.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from functools import partial

import structlog

from dataflows.options import Options
from dataflows.subsystems import metrics_of
from exporter.app import App
from exporter.clock import wall_clock
from exporter.commands.memory_bus import Publish, memory_bus, serve
from exporter.consumer.inbox import everything
from exporter.exposition.render import text
from exporter.recording.format import read
from exporter.recording.player import Player
from exporter.recording.stamps import Shift
from exporter.settings import BusSettings, ExchangeType, Replay

NAME: str = BusSettings.model_fields["name"].default

log = structlog.get_logger(__name__)


def run(settings: Replay) -> bool:
    """Print the series at the end of a recording, or serve metrics while it is played.

    Returns:
        Whether it was printed completely, or a signal ended the serving and not a failure.

    Raises:
        RecordingError: The recording cannot be read.
        OSError: It cannot listen on its address; the message says what to do.
    """
    if settings.speed is None:
        try:
            return _print(_played(settings))
        except KeyboardInterrupt:
            return False
    bus = replace(
        memory_bus(NAME, (everything(ExchangeType.TOPIC),)), service_levels=settings.service_level
    )
    app = App(settings, [bus])
    print(_welcome(settings, app.url), flush=True)
    return serve(app, partial(_publish, settings))


def _played(settings: Replay) -> bytes:
    options = Options(
        settings.details,
        max_shown=settings.max_series,
        windows=settings.windows,
        service_levels={NAME: settings.service_level},
        pause_reasons=settings.pause_reasons,
    )
    kept = settings.kept_subsystems
    player = Player(options, zone=settings.bus_timezone, subsystems=kept)
    player.play(read(settings.recording), NAME)
    if not player.now:
        log.warning("the recording has no messages")
    return text(metrics_of(kept), player.store.view()).encode()


def _print(series: bytes) -> bool:
    try:
        sys.stdout.buffer.write(series)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader wants no more, as `head` does. Python would complain when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


def _publish(settings: Replay, publish: Publish, stop: threading.Event) -> None:
    assert settings.speed is not None
    shift: Shift | None = None
    for message in read(settings.recording):
        if shift is None:
            shift = Shift(message.time, wall_clock(), settings.speed, settings.bus_timezone)
        wait = shift.at(message.time) - wall_clock()
        if stop.wait(wait) if wait > 0 else stop.is_set():
            return
        shifted = shift(message)
        publish(shifted.body, message.routing_key, shifted.headers)
    log.info("the recording is at its end; its last state is still served")


def _welcome(settings: Replay, url: str) -> str:
    return f"""\
Playing a recording at {settings.speed:g} times real speed.

  {url}/          status of the exporter
  {url}/metrics   metrics for Prometheus

Press Ctrl-C to stop.
"""
