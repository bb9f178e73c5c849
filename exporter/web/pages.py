"""What the web server needs of the program: the data that it shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from exporter.web.board import ServerBoard
from exporter.web.views import BusView, KnownView


class Pages(Protocol):
    """The data that the web server shows.

    Worker threads of the server call the methods, several at a time. Each must be fast, and must
    not wait for the dataflow.
    """

    @property
    def formats(self) -> Sequence[str]:
        """The content types of the exposition, the one for clients without a preference first."""
        ...

    def metrics(self, content_type: str) -> Iterable[bytes]:
        """Return the exposition, in one of the formats.

        It comes in pieces, so that no long copy blocks the other threads.
        """
        ...

    def not_ready(self) -> str | None:
        """Return None when ready, else one sentence with the reason."""
        ...

    def buses(self) -> Sequence[BusView]:
        """Return the buses that this process reads."""
        ...

    def knowledge(self) -> Sequence[KnownView]:
        """Return what is known of each subsystem of each server, sorted by server."""
        ...

    def board(self) -> Sequence[ServerBoard]:
        """Return what the page shows of each server, sorted by its name."""
        ...
