"""Serves the series at the end of a recording, until a signal ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from exporter import __version__, signals
from exporter.app.web_access import WebAccess
from exporter.exposition.reloads import Reload
from exporter.exposition.render import FORMATS
from exporter.settings import Replay
from exporter.web.board import ServerBoard
from exporter.web.listening import listen_problem
from exporter.web.server import WebServer
from exporter.web.views import BusView, KnownView

TEXT, OPENMETRICS = FORMATS[:2]
"""The content types of `/metrics`."""

_STOP_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Played(NamedTuple):
    """What is served of a recording.

    Attributes:
        bodies: Of `/metrics`, by content type.
        knowledge: What is known of each server at the end.
        board: What the live page shows of each server at the end.
    """

    bodies: Mapping[str, bytes]
    knowledge: Sequence[KnownView]
    board: Sequence[ServerBoard]


class PlayedPages:
    """The data of the pages, which never changes.

    Attributes:
        formats: The content types of `/metrics`.
        played: All that is shown.
    """

    formats = (TEXT, OPENMETRICS)

    def __init__(self) -> None:
        self.played = Played({}, (), ())

    def metrics(self, content_type: str) -> Iterable[bytes]:
        """Return the body of `/metrics`, in one of the formats."""
        return [self.played.bodies[content_type]]

    def not_ready(self) -> str | None:
        """Return None: nothing can go wrong any more."""
        return None

    def buses(self) -> Sequence[BusView]:
        """Return nothing: no bus is read."""
        return ()

    def knowledge(self) -> Sequence[KnownView]:
        """Return what is known of each server at the end of the recording."""
        return self.played.knowledge

    def board(self) -> Sequence[ServerBoard]:
        """Return what the live page shows of each server at the end of the recording."""
        return self.played.board


def serve_played(
    settings: Replay, play: Callable[[], Played], welcome: Callable[[str], object]
) -> bool:
    """Play a recording, and serve the series at its end.

    Args:
        settings: Of the command.
        play: Plays the recording. It is called when the address is already taken, so that nobody
            waits in vain.
        welcome: Called with the beginning of the addresses of all pages, when they are served.

    Returns:
        Whether a signal ended it, and not a failure.

    Raises:
        OSError: It cannot listen on its address; the message says what to do.
        SettingsError: The web configuration file cannot be used.
    """
    pages, stop, failed = PlayedPages(), threading.Event(), threading.Event()

    def fail() -> None:
        failed.set()
        stop.set()

    access = WebAccess(settings, Reload(), can_reload=False)
    host, port = settings.listen
    try:
        web = WebServer(pages, host=host, port=port, rules=access.rules, on_failure=fail)
    except OSError as error:
        raise listen_problem(error) from error
    pages.played = play()
    signals.listen(lambda _: stop.set())
    web.start()
    log.info("listening", address=str(web.address), version=__version__)
    access.start(web.address)
    welcome(f"{access.scheme}://{web.address}")
    stop.wait()
    web.stop(_STOP_SECONDS)
    return not failed.is_set()
