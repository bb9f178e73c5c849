"""The pages, without the rules for clients and without any network.

Pages are `/metrics`, `/-/healthy`, `/-/ready`, `/`, `/-/live` and `/-/reload`; all other paths are
404. A proxy may serve them under a longer path, so no response contains an absolute one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from exporter.clock import wall_clock
from exporter.web.compression import compressed
from exporter.web.known import known_lines
from exporter.web.landing_routes import LandingRoutes
from exporter.web.live import MAX_VIEWERS
from exporter.web.negotiation import accepts_gzip, preferred_type
from exporter.web.pages import Pages
from exporter.web.rendering import rendered
from exporter.web.views import Link, Reloaded

HEALTH = ("/-/healthy", "/-/ready")

_PROBES_AT_ONCE = 2
_READ, _RELOAD = ("GET", "HEAD"), ("POST",)
_NO_RELOAD = "Reloading is not enabled: only `run` can reload, with --web-allow-reload.\n"


class Exposition(Response):
    """A response with the metrics, in pieces."""

    def __init__(self, pages: Pages, accept: str = "", accept_encoding: str = "") -> None:
        """Render it, which may take long.

        Args:
            pages: Have the metrics.
            accept: The header of the request.
            accept_encoding: The header of the request.
        """
        content_type = preferred_type(accept, pages.formats)
        pieces = pages.metrics(content_type)
        headers = {"content-type": content_type, "vary": "Accept, Accept-Encoding"}
        if accepts_gzip(accept_encoding):
            pieces = compressed(pieces)
            headers["content-encoding"] = "gzip"
        self.pieces = [*pieces]
        headers["content-length"] = str(sum(map(len, self.pieces)))
        super().__init__(headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        del scope, receive
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class Routes:
    """The pages of one exporter.

    Args:
        pages: The data to show.
        version: Version of the exporter.
        links: More links for the landing page.
        max_scrapes: Expositions that are rendered at the same time.
        max_viewers: Browsers that show the page as it changes, at the same time.
        reload: Returns what reads the settings again; None if clients may not do that now.
        has_page: Returns whether the page shows data now.
        clock: Unix time in seconds.

    Attributes:
        live: Tells the browsers what has changed.
    """

    def __init__(  # noqa: PLR0913 -- all but the pages are named
        self,
        pages: Pages,
        *,
        version: str,
        links: Sequence[Link],
        max_scrapes: int,
        reload: Callable[[], Callable[[], Reloaded] | None],
        max_viewers: int = MAX_VIEWERS,
        has_page: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = wall_clock,
    ) -> None:
        self._pages = pages
        # Probes do not wait for scrapes, not for pages, and not for a reload.
        self._probe_slots = asyncio.Semaphore(_PROBES_AT_ONCE)
        self._landing = LandingRoutes(
            pages,
            version=version,
            links=links,
            max_viewers=max_viewers,
            has_page=has_page,
            clock=clock,
        )
        self.live = self._landing.live
        self._reload = reload
        self._scrape_slots = asyncio.Semaphore(max_scrapes)
        self._reload_slots = asyncio.Semaphore(1)

    def app(self) -> Starlette:
        """Return the ASGI application. The scope is described at `Answers`."""
        app = Starlette(
            routes=[
                Route("/metrics", self._metrics),
                Route("/-/healthy", self._healthy),
                Route("/-/ready", self._ready),
                Route("/", self._landing.page),
                Route("/-/live", self._landing.stream),
                Route("/-/reload", self._reloaded, methods=_RELOAD),
            ],
            exception_handlers={HTTPException: _refused, Exception: _failed},
        )
        app.router.redirect_slashes = False
        return app

    async def _metrics(self, request: Request) -> Response:
        def render() -> Response:
            accept, encoding = (
                ", ".join(request.headers.getlist(name)) for name in ("accept", "accept-encoding")
            )
            return Exposition(self._pages, accept, encoding)

        return await rendered(render, request, self._scrape_slots)

    async def _healthy(self, request: Request) -> Response:
        del request
        return PlainTextResponse("Healthy.\n")

    async def _ready(self, request: Request) -> Response:
        def render() -> Response:
            reason = self._pages.not_ready()
            with_details = request.state.with_details
            if reason is not None:
                return PlainTextResponse(f"{reason if with_details else 'Not ready.'}\n", 503)
            known = known_lines(self._pages.knowledge()) if with_details else ""
            return PlainTextResponse(f"Ready.\n{known}")

        return await rendered(render, request, self._probe_slots)

    async def _reloaded(self, request: Request) -> Response:
        if (reload := self._reload()) is None:
            return PlainTextResponse(_NO_RELOAD, 403)
        if _is_from_another_site(request):
            return PlainTextResponse("Another site may not ask for this.\n", 403)

        def render() -> Response:
            done = reload()
            lines = "".join(f"{line}\n" for line in done.lines)
            return PlainTextResponse(lines, 200 if done.is_good else 500)

        return await rendered(render, request, self._reload_slots)


async def _refused(request: Request, error: Exception) -> Response:
    path, method = request.scope["path"], request.method
    allowed = _RELOAD if path == "/-/reload" else _READ
    is_known = isinstance(error, HTTPException) and error.status_code != HTTPStatus.NOT_FOUND
    if is_known or (not path and method not in allowed):
        methods = ", ".join(allowed)
        return PlainTextResponse(f"Allowed methods: {methods}.\n", 405, {"allow": methods})
    if not path:
        return PlainTextResponse("The request target has no path.\n", 400)
    return PlainTextResponse("Not found. The landing page has links to all pages.\n", 404)


async def _failed(request: Request, error: Exception) -> Response:
    del request, error
    return PlainTextResponse("Internal error; the log of the exporter has the details.\n", 500)


def _is_from_another_site(request: Request) -> bool:
    """Return whether a browser sends the request for a page of another site."""
    fetched, origin = (request.headers.get(name) for name in ("sec-fetch-site", "origin"))
    if fetched is not None and fetched not in ("same-origin", "none"):
        return True
    host = request.headers.get("host", "").lower()
    return origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}")
