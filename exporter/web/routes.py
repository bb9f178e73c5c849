"""What the web server answers to which request, without any network.

`/metrics`, `/-/healthy`, `/-/ready` and `/`; everything else is 404. Only GET and HEAD exist.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from exporter.web.landing import POLICY, BusView, Link, landing_page

METRICS, HEALTHY, READY, LANDING = "/metrics", "/-/healthy", "/-/ready", "/"

_TEXT = "text/plain; charset=utf-8"
_METHODS = ("GET", "HEAD")
# An exposition shrinks to a tenth at level 1; level 9 takes five times as long for a little less.
_GZIP_LEVEL = 1
_GZIP_FORMAT = zlib.MAX_WBITS + 16


class Pages(Protocol):
    """What the web server shows.

    The methods are called from the server's worker threads, several at a time; each must be quick
    and must not wait for the dataflow.
    """

    def metrics(self, accept: str) -> tuple[str, Iterable[bytes]]:
        """The content type and the exposition, in the format that this Accept header prefers.

        The exposition comes in pieces: nobody ever holds all threads up to copy the whole.
        """
        ...

    def not_ready(self) -> str | None:
        """None when ready, else one plain sentence that says why not."""
        ...

    def buses(self) -> Sequence[BusView]:
        """The configured buses, in the order of the settings."""
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """What an answer depends on."""

    method: str
    path: str
    accept: str = ""
    accept_encoding: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; its body is in pieces, its `headers` come on top of those that all have."""

    status: int
    body: Sequence[bytes]
    content_type: str = _TEXT
    headers: tuple[tuple[str, str], ...] = ()

    def wire_headers(self) -> list[tuple[bytes, bytes]]:
        """All headers as ASGI wants them."""
        headers = [
            ("content-type", self.content_type),
            ("content-length", str(sum(map(len, self.body)))),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            *self.headers,
        ]
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


FAILED = Reply(500, [b"Internal error; the log of the exporter has the details.\n"])


class Routes:
    """The answers of one exporter."""

    def __init__(self, pages: Pages, *, version: str, links: Sequence[Link]) -> None:
        self._pages = pages
        self._version = version
        self._links = tuple(links)

    def at_once(self, request: Request) -> Reply | None:
        """The answer where it needs no pages, else None."""
        if request.path not in (METRICS, HEALTHY, READY, LANDING):
            return Reply(404, [b"Not found. See / for what there is.\n"])
        if request.method not in _METHODS:
            return Reply(
                405,
                [b"Only GET and HEAD are allowed.\n"],
                headers=(("allow", ", ".join(_METHODS)),),
            )
        if request.path == HEALTHY:
            return Reply(200, [b"Healthy.\n"])
        return None

    def answer(self, request: Request) -> Reply:
        """The answer to a request that `at_once` does not know; may take its time."""
        if request.path == METRICS:
            return self._metrics(request)
        reason = self._pages.not_ready()
        if request.path == READY:
            if reason is None:
                return Reply(200, [b"Ready.\n"])
            return Reply(503, [f"{reason}\n".encode()])
        page = landing_page(self._version, reason, self._pages.buses(), self._links)
        headers = (("content-security-policy", POLICY), ("referrer-policy", "no-referrer"))
        return Reply(200, [page.encode()], "text/html; charset=utf-8", headers)

    def _metrics(self, request: Request) -> Reply:
        content_type, pieces = self._pages.metrics(request.accept)
        headers: tuple[tuple[str, str], ...] = (("vary", "Accept, Accept-Encoding"),)
        if accepts_gzip(request.accept_encoding):
            pieces = _compressed(pieces)
            headers = (*headers, ("content-encoding", "gzip"))
        return Reply(200, [*pieces], content_type, headers)


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    # It writes no time of creation: the same exposition is the same answer.
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether a client that sent this Accept-Encoding would have gzip rather than plain text.

    A coding with q=0 is refused. Between gzip and an identity that is named as well, the higher
    quality wins, and gzip when they are equal. What cannot be read counts as refused.
    """
    quality: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        quality[coding] = _quality(parameters)
    any_other = quality.get("*", 0.0)
    gzip_quality = quality.get("gzip", quality.get("x-gzip", any_other))
    return gzip_quality > 0 and gzip_quality >= quality.get("identity", 0.0)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            # "nan" and numbers out of range are floats, but no qualities.
            return quality if 0.0 <= quality <= 1.0 else 0.0
    return 1.0
