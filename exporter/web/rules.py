"""The rules for the clients of the web server."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from exporter.web.access import Access


class Rules(NamedTuple):
    """The rules for clients.

    Attributes:
        access: Returns what the web configuration file says now. Called from the thread of the
            server, for each connection and each request.
        open_health: Whether `/-/healthy` and `/-/ready` need no login, and have no details without.
        allow_reload: Whether `POST /-/reload` reads the settings again.
        page: Whether `/` shows data; otherwise it is a list of links.
    """

    access: Callable[[], Access]
    open_health: bool = False
    allow_reload: bool = False
    page: bool = True


OPEN = Rules(Access)
"""Everybody may read everything, without TLS."""
