"""Finds the pages of Prometheus and Alertmanager that work. A package may lack some of them.

Debian's Prometheus 2.42 has only the older pages, under `/classic`. Debian's Alertmanager has only
a page that says that it has none. Both have the alerts as JSON.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urljoin


class Link(NamedTuple):
    """An address, and what a person sees there."""

    url: str
    text: str


PROMETHEUS = (
    Link("/alerts", "Prometheus, with the rules"),
    Link("/classic/alerts", "Prometheus, with the rules"),
    Link("/api/v1/rules", "the rules as JSON: this Prometheus has no pages"),
)
ALERTMANAGER = (
    Link("/", "Alertmanager"),
    Link("/api/v2/alerts", "the alerts as JSON: this Alertmanager has no pages"),
)

_TIMEOUT_SECONDS = 5.0
_SCRIPT = re.compile(r"<script\b[^>]*\bsrc=[\"']?([^\"'>\s]+)")


def first_that_works(address: str, links: Sequence[Link]) -> Link:
    """Return the first of the links that works, with its full URL; the last one if none does.

    Args:
        address: Host and port.
        links: Paths, the best first.
    """
    full = [link._replace(url=f"http://{address}{link.url}") for link in links]
    return next(filter(_works, full), full[-1])


def _works(link: Link) -> bool:
    page = _get(link.url)
    if page is None:
        return False
    scripts = _SCRIPT.findall(page)
    is_json = page.lstrip().startswith(("{", "["))
    # A page of these programs that has no script only says what is missing.
    return is_json or (
        bool(scripts) and all(_get(urljoin(link.url, each)) is not None for each in scripts)
    )


def _get(url: str) -> str | None:
    """Return the text at a URL, and None unless it answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:
            text: str = answer.read().decode(errors="replace")
            return text if answer.status == 200 else None  # noqa: PLR2004 -- OK
    except OSError:
        return None
