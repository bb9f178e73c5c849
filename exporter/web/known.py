"""What is known of each server: a section of the landing page, and lines of `/-/ready`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from operator import attrgetter

from exporter.web.views import KnownView

MAX_SERVERS = 100
"""Servers that are shown. A bus has one or a few; many are forged."""

_EXPLAINED = (
    '<p class="meaning">Known: the metrics show the whole state of the server. Not known: numbers '
    "may be too low or old, until events or the answer of an API complete them.</p>"
)

_MAX_OPEN = 4
"""Servers up to which the page shows all tables; those of more servers are folded."""


def known_lines(known: Iterable[KnownView]) -> str:
    """Return a line of text for each subsystem of each server, sorted by server."""
    servers, more = _servers(known)
    lines = [f"{each.server} {each.subsystem}: {_text(each)}" for one in servers for each in one]
    return "".join(f"{line}\n" for line in [*lines, *([_more(more)] if more else [])])


def known_section(known: Iterable[KnownView]) -> str:
    """Return a table in HTML for each server; every value is escaped."""
    servers, more = _servers(known)
    if not servers:
        return '<span class="soft">No server has told of agents, queues or users yet.</span>'
    tables = "\n".join(_table(each, is_open=len(servers) <= _MAX_OPEN) for each in servers)
    tables = f"{_EXPLAINED}\n{tables}"
    return f'{tables}\n<p class="more">{_more(more)}</p>' if more else tables


def _servers(known: Iterable[KnownView]) -> tuple[list[list[KnownView]], int]:
    """Return what is known by server, and the number of servers that are left out."""
    servers = [[*group] for _, group in groupby(known, attrgetter("server"))]
    return servers[:MAX_SERVERS], len(servers[MAX_SERVERS:])


def _more(count: int) -> str:
    return f"{count} more servers are not listed."


def _table(states: Sequence[KnownView], *, is_open: bool) -> str:
    count = sum(each.since is not None for each in states)
    look = "good" if count == len(states) else "plain"
    if any(each.since is None and not each.is_normal for each in states):
        look = "wait"
    rows = "\n".join(map(_row, states))
    return f"""<details{" open" if is_open else ""}>
<summary><h3>{escape(states[0].server)}</h3>
<span class="state {look}">{count} of {len(states)} known</span></summary>
<table>
{rows}
</table>
</details>"""


def _row(state: KnownView) -> str:
    name = escape(state.subsystem)
    if state.question:
        name = f'<abbr title="{escape(state.question)}">{name}</abbr>'
    head = f'<tr><th scope="row">{name}</th>\n'
    if state.since is None:
        look = "soft" if state.is_normal else "no"
        return f'{head}<td><span class="{look}">not known:</span> {escape(state.reason)}</td></tr>'
    return f'{head}<td><span class="yes">known</span> since {_time(state.since)}</td></tr>'


def _text(state: KnownView) -> str:
    if state.since is None:
        return f"not known: {state.reason}"
    return f"known since {_utc(state.since):%Y-%m-%dT%H:%M:%SZ}"


def _time(at: float) -> str:
    utc = _utc(at)
    return f'<time datetime="{utc:%Y-%m-%dT%H:%M:%SZ}">{utc:%Y-%m-%d %H:%M} UTC</time>'


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
