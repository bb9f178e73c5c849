"""What is known of each server: a section of the landing page, and lines of `/-/ready`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter

from exporter.web.views import KnownView

MAX_SERVERS = 100
"""Servers that are shown. A bus has one or a few; many are forged."""


def known_lines(known: Iterable[KnownView]) -> str:
    """Return a line of text for each subsystem of each server, sorted by server."""
    servers, more = by_server(known)
    lines = [f"{each.server} {each.subsystem}: {_text(each)}" for one in servers for each in one]
    return "".join(f"{line}\n" for line in [*lines, *([more] if more else [])])


def by_server(known: Iterable[KnownView]) -> tuple[list[list[KnownView]], str]:
    """Return what is known by server, and a sentence about servers that are left out, if any."""
    servers = [[*group] for _, group in groupby(known, attrgetter("server"))]
    more = len(servers[MAX_SERVERS:])
    return servers[:MAX_SERVERS], f"{more} more servers are not listed." if more else ""


def utc(at: float, style: str) -> str:
    """Return a Unix time in UTC, in a format of `strftime`."""
    return datetime.fromtimestamp(at, UTC).strftime(style)


def _text(state: KnownView) -> str:
    if state.since is None:
        return f"not known: {state.reason}"
    return f"known since {utc(state.since, '%Y-%m-%dT%H:%M:%SZ')}"
