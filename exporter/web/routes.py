"""The replies to web requests, without any network.

Pages are `/metrics`, `/-/healthy`, `/-/ready` and `/`; all other paths are 404. Methods are GET and
HEAD. A proxy may serve them under a longer path, so no reply contains an absolute one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from exporter.web.known import known_lines
from exporter.web.landing import landing_page
from exporter.web.negotiation import accepts_gzip, preferred_type
from exporter.web.style import POLICY
from exporter.web.views import BusView, KnownView, Link

METRICS, HEALTHY, READY, LANDING = "/metrics", "/-/healthy", "/-/ready", "/"

_TEXT = "text/plain; charset=utf-8"
_METHODS = ("GET", "HEAD")
# Level 1 reduces an exposition to a tenth; level 9 takes five times as long for a little less.
_GZIP_LEVEL = 1
_GZIP_FORMAT = zlib.MAX_WBITS + 16


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


@dataclass(frozen=True, slots=True)
class Request:
    """The parts of a request that determine the reply.

    Attributes:
        path: Decoded. Empty if the request target has none, as in `OPTIONS *` and `CONNECT host:1`.
    """

    method: str
    path: str
    accept: str = ""
    accept_encoding: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply.

    Attributes:
        body: In pieces.
        headers: In addition to the headers that all replies have.
    """

    status: int
    body: Sequence[bytes]
    content_type: str = _TEXT
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return sum(map(len, self.body))

    def wire_headers(self) -> list[tuple[bytes, bytes]]:
        """Return all headers, in the form of ASGI."""
        headers = [
            ("content-type", self.content_type),
            ("content-length", str(self.size)),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            *self.headers,
        ]
        return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


FAILED = Reply(500, [b"Internal error; the log of the exporter has the details.\n"])


class Routes:
    """The replies of one exporter."""

    def __init__(self, pages: Pages, *, version: str, links: Sequence[Link]) -> None:
        self._pages = pages
        self._version = version
        self._links = tuple(links)

    def immediate(self, request: Request) -> Reply | None:
        """Return the reply if it needs no data of the exporter, else None. Does not block."""
        if request.path and request.path not in (METRICS, HEALTHY, READY, LANDING):
            return Reply(404, [b"Not found. The landing page has links to all pages.\n"])
        if request.method not in _METHODS:
            return Reply(
                405,
                [b"Only GET and HEAD are allowed.\n"],
                headers=(("allow", ", ".join(_METHODS)),),
            )
        if not request.path:
            return Reply(400, [b"The request target has no path.\n"])
        if request.path == HEALTHY:
            return Reply(200, [b"Healthy.\n"])
        return None

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request for which `immediate` returned None; may take long."""
        if request.path == METRICS:
            return self._metrics(request)
        reason = self._pages.not_ready()
        if request.path == READY:
            if reason is None:
                return Reply(200, [b"Ready.\n", known_lines(self._pages.knowledge()).encode()])
            return Reply(503, [f"{reason}\n".encode()])
        known = self._pages.knowledge()
        page = landing_page(self._version, reason, self._pages.buses(), self._links, known)
        headers = (("content-security-policy", POLICY), ("referrer-policy", "no-referrer"))
        return Reply(200, [page.encode()], "text/html; charset=utf-8", headers)

    def _metrics(self, request: Request) -> Reply:
        content_type = preferred_type(request.accept, self._pages.formats)
        pieces = self._pages.metrics(content_type)
        headers: tuple[tuple[str, str], ...] = (("vary", "Accept, Accept-Encoding"),)
        if accepts_gzip(request.accept_encoding):
            pieces = _compressed(pieces)
            headers = (*headers, ("content-encoding", "gzip"))
        return Reply(200, [*pieces], content_type, headers)


def _compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    # The header has no creation time: equal expositions have equal replies.
    compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_FORMAT)
    for piece in pieces:
        yield compressor.compress(piece)
    yield compressor.flush()
