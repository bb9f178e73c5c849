"""The page at `/`, and the stream that keeps it up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from exporter.web.compression import compressed
from exporter.web.differences import Differences
from exporter.web.landing import LandingPage, Search, build, policy
from exporter.web.languages import LANGUAGES, chosen
from exporter.web.live import Live
from exporter.web.negotiation import accepts_gzip
from exporter.web.pages import Pages
from exporter.web.parts import Parts, page_parts
from exporter.web.rates import Rates
from exporter.web.rendering import rendered
from exporter.web.stream import Stream, stream_headers
from exporter.web.views import Link

_MAX_SEARCH = 100
"""Characters of what the address looks for."""
_FULL_HEADERS = {"retry-after": "15"}
_NO_PAGE = "The page is switched off (--page).\n"


class LandingRoutes:
    """Answers requests for the page, and for its stream.

    Args:
        pages: The data to show.
        version: Version of the exporter.
        links: More links for the page.
        max_viewers: Browsers that show the page as it changes, at the same time.
        has_page: Returns whether the page shows data now; otherwise it is a list of links.
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
        max_viewers: int,
        has_page: Callable[[], bool],
        clock: Callable[[], float],
    ) -> None:
        self._pages = pages
        self._links = tuple(links)
        self._has_page = has_page
        self._clock = clock
        # One by one: a second thread would only take time from the dataflow.
        self._slots = asyncio.Semaphore(1)
        self._rates = Rates()
        self._landing = {each: LandingPage(each, version, clock, links) for each in LANGUAGES}
        build_of_all = build(version)
        self.live = Live(
            self._look,
            lambda language: Differences(self._landing[language].part, build_of_all),
            max_viewers,
        )

    async def page(self, request: Request) -> Response:
        """Answer a request for the page."""
        if not self._has_page():
            lines = ["metrics", "-/healthy", "-/ready", *(each.href for each in self._links)]
            return PlainTextResponse("".join(f"{line}\n" for line in lines))
        language, search = _language(request), _search(request)

        def render() -> Response:
            text = self._landing[language].whole(self._look()[0], search)
            headers = {
                "content-security-policy": policy(),
                "referrer-policy": "no-referrer",
                "vary": "Accept-Language, Accept-Encoding",
                "content-language": language,
            }
            body = text.encode(errors="replace")
            if _accepts_gzip(request):
                body = b"".join(compressed([body]))
                headers["content-encoding"] = "gzip"
            return HTMLResponse(body, headers=headers)

        return await rendered(render, request, self._slots)

    async def stream(self, request: Request) -> Response:
        """Answer a request for the stream of what changes."""
        if not self._has_page():
            return PlainTextResponse(_NO_PAGE, 404)
        is_packed = _accepts_gzip(request)
        if request.method == "HEAD":
            return Response(headers=stream_headers(is_packed=is_packed))
        viewer = self.live.join(_language(request))
        if viewer is None:
            return PlainTextResponse("Too many viewers; try again later.\n", 503, _FULL_HEADERS)
        return Stream(self.live, viewer, is_packed=is_packed)

    def _look(self) -> tuple[Parts, float]:
        boards, buses, not_ready = self._pages.board(), self._pages.buses(), self._pages.not_ready()
        now = self._clock()
        rates = self._rates.observe(time.monotonic(), boards)
        return page_parts(not_ready, buses, boards, rates, now), now


def _language(request: Request) -> str:
    accepted = ", ".join(request.headers.getlist("accept-language"))
    return chosen(request.query_params.get("lang"), accepted)


def _search(request: Request) -> Search:
    asked = request.query_params
    queue, server = (asked.get(each, "")[:_MAX_SEARCH] for each in ("queue", "server"))
    language = asked.get("lang", "")
    return Search(queue, server, language if language in LANGUAGES else "")


def _accepts_gzip(request: Request) -> bool:
    return accepts_gzip(", ".join(request.headers.getlist("accept-encoding")))
