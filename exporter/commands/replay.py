"""The `replay` command: shows what the exporter makes of a recording.

Without a speed, a virtual clock plays it at once, and the series at its end are printed or served,
or all series during it are printed for promtool. With a speed, it is published to a bus in this
process, and an exporter reads that bus and serves metrics. It is never published to the bus of a
telephony server: daemons there would act on it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from glob import glob
from pathlib import Path

import structlog

from dataflows.options import Options
from dataflows.subsystems import metrics_of
from exporter.app import App
from exporter.app.boards import boards
from exporter.clock import wall_clock
from exporter.commands.closed_output import discard_output
from exporter.commands.memory_bus import Publish, memory_bus, serve
from exporter.commands.played_pages import OPENMETRICS, TEXT, Played, serve_played
from exporter.commands.progress import Progress, bar
from exporter.consumer.inbox import everything
from exporter.exposition.render import text
from exporter.exposition.telemetry import BusStatus
from exporter.recording.format import Message, read
from exporter.recording.player import Player
from exporter.recording.promtool import Sampler
from exporter.recording.stamps import Shift
from exporter.settings import BusSettings, ExchangeType, Replay, SeriesFormat

NAME: str = BusSettings.model_fields["name"].default

log = structlog.get_logger(__name__)


def run(settings: Replay) -> bool:
    """Print the series of a recording, or serve them.

    Returns:
        Whether all was printed, or a signal ended the serving and not a failure.

    Raises:
        RecordingError: The recording cannot be read.
        OSError: It cannot listen on its address, or read a file of rules.
        SettingsError: The web configuration file cannot be used.
    """
    if settings.speed is not None:
        return _serve_now(settings)
    try:
        if settings.serve:
            return serve_played(settings, partial(_served, settings), _welcome_played)
        if settings.format is SeriesFormat.PROMTOOL:
            return _print(_test(settings))
        return _print(_series(settings, _played(settings)))
    except KeyboardInterrupt:
        return False


def _serve_now(settings: Replay) -> bool:
    bus = replace(
        memory_bus(NAME, (everything(ExchangeType.TOPIC),)), service_levels=settings.service_level
    )
    app = App(settings, [bus])
    print(_welcome(settings, app.url), flush=True)
    return serve(app, partial(_publish, settings))


def _played(settings: Replay) -> Player:
    kept = settings.kept_subsystems
    player = Player(_options(settings), zone=settings.bus_timezone, subsystems=kept)
    return _play(player, settings)


def _test(settings: Replay) -> bytes:
    files = sorted({each for pattern in settings.rules for each in glob(pattern, recursive=True)})
    rules = [Path(file).read_text(encoding="utf-8", errors="replace") for file in files]
    sampler = Sampler(
        _options(settings),
        settings.every,
        NAME,
        rules="\n".join(rules) if rules else None,
        zone=settings.bus_timezone,
        subsystems=settings.kept_subsystems,
    )
    _play(sampler, settings)
    return "".join(f"{line}\n" for line in sampler.test(settings.rules)).encode()


def _play(player: Player, settings: Replay) -> Player:
    with Progress() as progress:
        player.play(_shown(settings, progress), NAME)
    if not player.now:
        log.warning("the recording has no messages")
    return player


def _shown(settings: Replay, progress: Progress) -> Iterator[Message]:
    """Yield the messages, and show how many of them were read."""
    share: list[float] = []

    def note(read_share: float) -> None:
        share[:] = [read_share]

    for number, message in enumerate(read(settings.recording, note)):
        if progress.is_due():
            progress.show(" ".join([*map(bar, share), f"{number:,} messages"]))
        yield message


def _options(settings: Replay) -> Options:
    return Options(
        settings.details,
        max_shown=settings.max_series,
        windows=settings.windows,
        service_levels={NAME: settings.service_level},
        pause_reasons=settings.pause_reasons,
    )


def _series(settings: Replay, player: Player, kind: SeriesFormat | None = None) -> bytes:
    specs = metrics_of(settings.kept_subsystems)
    is_openmetrics = (kind or settings.format) is SeriesFormat.OPENMETRICS
    return text(specs, player.store.view(), is_openmetrics=is_openmetrics).encode()


def _served(settings: Replay) -> Played:
    player = _played(settings)
    bodies = {
        TEXT: _series(settings, player, SeriesFormat.TEXT),
        OPENMETRICS: _series(settings, player, SeriesFormat.OPENMETRICS),
    }
    buses = [BusStatus(NAME, "", "", connected=True)]
    found = boards(player.store, buses, settings.kept_subsystems, is_stalled=False)
    return Played(bodies, [known for server in found for known in server.known], found)


def _print(series: bytes) -> bool:
    try:
        sys.stdout.buffer.write(series)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        discard_output()
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

  {url}/          live page: queues, agents, and what the exporter knows
  {url}/metrics   metrics for Prometheus

Press Ctrl-C to stop.
"""


def _welcome_played(url: str) -> None:
    print(
        f"""\
This is the end of the recording.

  {url}/metrics   metrics for Prometheus

Press Ctrl-C to stop.
""",
        flush=True,
    )
