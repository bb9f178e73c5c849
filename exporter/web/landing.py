"""The page at `/`, for people with a browser: its HTML, as a whole and in parts, in a language."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from exporter.web.board import QueueRow
from exporter.web.known import utc
from exporter.web.languages import LANGUAGES, number, percent, texts, translated, words
from exporter.web.parts import Part, Parts, folded
from exporter.web.views import Link

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


class Search(NamedTuple):
    """What the address of the page asks for.

    Attributes:
        queue: A part of the name of a queue; empty for all.
        server: A part of the name of a server; empty for all.
        language: The language, if the address names one.
    """

    queue: str = ""
    server: str = ""
    language: str = ""

    def address(self, language: str) -> str:
        """Return the address of the same page in another language, relative to it."""
        asked = {**self._asdict(), "language": language}
        names = {"queue": "queue", "server": "server", "language": "lang"}
        return "?" + urlencode({names[key]: value for key, value in asked.items() if value})


class LandingPage:
    """Renders the page in one language; every value is escaped.

    Args:
        language: One of `LANGUAGES`.
        version: Version of the exporter.
        clock: Unix time in seconds.
        links: Shown after the exporter's own pages.
    """

    def __init__(
        self,
        language: str,
        version: str,
        clock: Callable[[], float],
        links: Iterable[Link] = (),
    ) -> None:
        self._version = version
        self._clock = clock
        self._links = tuple(links)
        self._language = language
        self._templates = _templates(language).overlay()
        self._templates.filters = {
            **self._templates.filters,
            "age": lambda since: max(0.0, clock() - since),
        }
        self._macros = self._templates.get_template("parts.html").module

    def part(self, key: str, part: Part) -> str:
        """Return the HTML of a part of the page.

        Args:
            key: Id of the element.
            part: What it shows.
        """
        macro: Callable[..., str] = getattr(self._macros, part.macro)
        return macro(key, *part.data)

    def whole(self, parts: Parts, search: Search = Search()) -> str:  # noqa: B008 -- immutable
        """Return the page, with what the search finds.

        Args:
            parts: All parts.
            search: What is looked for.
        """
        order = found(parts, search)
        queues = [key for key in parts.order if key.endswith("-queues")]
        every = {row for key in queues for row in parts.order[key]}
        left_out = every - {row for key in queues for row in order.get(key, ())}
        html = {
            key: Markup(self.part(key, part))  # noqa: S704 -- rendered by the templates
            for key, part in parts.parts.items()
            if key not in left_out
        }
        servers = [self._server(key, parts.parts[key], html, order) for key in order["servers"]]
        return self._templates.get_template("landing.html").render(
            version=self._version, build=build(self._version), now=f"{self._clock():.3f}",
            links=self._links, html=html, servers=servers, buses=order["buses"],
            search=search, asked_language=search.language, languages=LANGUAGES,
            addresses={each: search.address(each) for each in LANGUAGES},
            shown=sum(len(order.get(key, ())) for key in queues),
            all=sum(len(parts.order[key]) for key in queues),
            style=_source("style.css"), script=_source("live.js"),
        )  # fmt: skip

    def _server(
        self,
        key: str,
        part: Part,
        html: Mapping[str, str],
        order: Mapping[str, Sequence[str]],
    ) -> Markup:
        macro: Callable[..., str] = getattr(self._macros, part.macro)
        rows, agents = order[f"{key}-queues"], order[f"{key}-single"]
        return Markup(macro(key, html, rows, agents))  # noqa: S704 -- as above


def found(parts: Parts, search: Search) -> Mapping[str, Sequence[str]]:
    """Return the order of what a search finds: queues, and the servers that have some of them."""
    queue, server = folded(search.queue.strip()), folded(search.server.strip())
    order = dict(parts.order)
    servers = []
    for key in parts.order["servers"]:
        rows = [row for row in order.pop(f"{key}-queues") if queue in _name(parts.parts[row])]
        if server in folded(str(parts.parts[f"{key}-name"].data[0])) and (rows or not queue):
            servers.append(key)
            order[f"{key}-queues"] = rows
    order["servers"] = servers
    return order


def _name(part: Part) -> str:
    row = part.data[0]
    assert isinstance(row, QueueRow)
    return folded(f"{row.name} {row.queue}")


@cache
def policy() -> str:
    """Return the Content-Security-Policy of the page.

    It allows only the style sheet and the script, by hash. So nothing that an attacker writes into
    a value can run or load. The script may only talk to the exporter.
    """
    return (
        f"default-src 'none'; style-src '{_digest('style.css')}'; "
        f"script-src '{_digest('live.js')}'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types parts"
    )


@cache
def build(version: str) -> str:
    """Return what identifies the program and all that makes the page."""
    names = ("landing.html", "parts.html", "style.css", "live.js")
    text = "\0".join([version, *map(_source, names)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest(name: str) -> str:
    digest = hashlib.sha256(_source(name).encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _source(name: str) -> str:
    loader = PackageLoader("exporter.web")
    return loader.get_source(Environment(loader=loader, autoescape=True), name)[0]


@cache
def _templates(language: str) -> Environment:
    templates = Environment(
        loader=PackageLoader("exporter.web"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.install_gettext_translations(texts(language), newstyle=True)  # type: ignore[attr-defined]  # of the extension
    templates.globals["language"] = language
    templates.filters |= {
        "folded": folded,
        "number": partial(_number, language),
        "percent": partial(percent, language=language),
        "span": partial(_span, texts(language).gettext("d h min s").split()),
        # Unlike `_`, whose result the templates trust: it is for what they say themselves.
        "translated": partial(translated, language=language),
        "utc": utc,
        "wait": _wait,
        "words": words,
    }
    return templates


def _number(language: str, value: float, digits: int = 0) -> str:
    return number(value, language, digits)


def _span(units: Sequence[str], seconds: float) -> str:
    """Return a duration in its largest unit: `42 s`, `3 min`, `5 h`, `2 d`."""
    for unit, name in zip((_DAY, _HOUR, _MINUTE), units, strict=False):
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds // 1:.0f} {units[-1]}"


def _wait(seconds: float) -> str:
    """Return how long somebody waits: `0:07`, `12:34`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), _MINUTE)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
