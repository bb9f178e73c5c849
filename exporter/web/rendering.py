"""Renders responses in worker threads, only so many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from exporter.web.connection import Connection


async def rendered(
    render: Callable[[], Response], request: Request, slots: asyncio.Semaphore
) -> Response:
    """Return what is rendered in a worker thread, after a wait if all slots are taken."""
    connection: Connection = request.state.connection
    has_to_wait = slots.locked()
    async with slots:
        if connection.is_lost or (has_to_wait and connection.is_half_closed):
            # The next client must not wait for a response that nobody reads.
            return PlainTextResponse("The client has gone.\n", 500)
        return await run_in_threadpool(render)
