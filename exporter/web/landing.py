"""The landing page: the status of the exporter, for people with a browser."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter.web.known import by_server, utc
from exporter.web.views import BusView, KnownView, Link

_MINUTE, _HOUR, _DAY = 60, 3600, 86400

_MAX_OPEN = 4
"""Servers up to which the page shows all tables; those of more servers are folded."""


def landing_page(
    version: str,
    not_ready: str | None,
    buses: Sequence[BusView],
    links: Iterable[Link] = (),
    known: Iterable[KnownView] = (),
) -> str:
    """Return the page as HTML; every value is escaped.

    Args:
        version: Version of the exporter.
        not_ready: Why the metrics cannot be trusted; None if they can.
        buses: The buses that this process reads.
        links: Shown after the exporter's own pages.
        known: What is known, sorted by server.
    """
    servers, more = by_server(known)
    return (
        _templates()
        .get_template("landing.html")
        .render(
            version=version, not_ready=not_ready, buses=buses, links=links,
            servers=servers, more=more, max_open=_MAX_OPEN,
        )
    )  # fmt: skip


@cache
def policy() -> str:
    """Return the Content-Security-Policy of the page.

    It allows only the style sheet, by hash. So nothing that an attacker writes into a value can run
    or load.
    """
    style = _templates().get_template("style.css").render()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("exporter.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"span": _span, "utc": utc}
    return templates


def _span(seconds: float) -> str:
    """Return a duration in its largest unit: `42 s`, `3 min`, `5 h`, `2 d`."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{max(seconds, 0.0):.0f} s"
