"""The web server: uvicorn's HTTP behind the connection limiter, in a thread and an event loop.

The loop only moves bytes. Rendering and compression run in a few worker threads. So the loop never
waits for a scrape, and many scrapes use no more than these threads. Probes and the landing page
have their own threads: a slow scrape does not make a probe fail.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import resource
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import ceil
from typing import Any

import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from exporter import __version__
from exporter.logs import RateLimited
from exporter.settings.address import Address
from exporter.web.access import Access
from exporter.web.asgi import Answers
from exporter.web.connection import MAX_HEAD_BYTES, Connection
from exporter.web.gate import Gate
from exporter.web.limiter import ConnectionLimiter, Limits
from exporter.web.live import MAX_VIEWERS
from exporter.web.pages import Pages
from exporter.web.routes import Routes
from exporter.web.rules import OPEN, Rules
from exporter.web.views import Link, Reloaded

__all__ = ["Limits", "Pages", "Rules", "WebServer"]

log = structlog.get_logger(__name__)

# A burst of connections may wait in the kernel while the loop is busy for a moment.
_BACKLOG = 256
_LAST_PORT = 65535
# At a stop, responses may end within this time, or within half of the timeout of stop().
_GRACE_SECONDS = 2.0


class WebServer:
    """Serves the pages over HTTP/1.1 from a thread of its own.

    One thread calls `start` and `stop`; any thread may read `address` and `is_alive`.

    Args:
        pages: The data to show; called from worker threads.
        host: A name or an address: `0.0.0.0` for all IPv4 addresses, `::` for IPv4 and IPv6.
        port: The port; with 0 the kernel chooses one, see `address`.
        links: More links for the landing page, for example to the documentation.
        limits: Limits on clients.
        rules: The rules for clients; `follow` changes them.
        reload: Reads the settings again, for `POST /-/reload`. Called from a worker thread.
        on_failure: Called from its thread when it fails.

    Raises:
        OSError: It cannot listen on the address; the message has the address and the reason.
    """

    def __init__(  # noqa: PLR0913 -- all but the pages are named
        self,
        pages: Pages,
        *,
        host: str,
        port: int,
        links: Sequence[Link] = (),
        limits: Limits | None = None,
        rules: Rules = OPEN,
        reload: Callable[[], Reloaded] | None = None,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        limits = limits or Limits()
        share = _descriptor_share()
        self._limits = replace(limits, max_connections=min(limits.max_connections, share))
        self._backlog = min(_BACKLOG, share)
        self._rules = rules
        self._routes = Routes(
            pages,
            version=__version__,
            links=links,
            max_scrapes=limits.max_scrapes,
            # Half of the connections stay free for Prometheus.
            max_viewers=min(MAX_VIEWERS, max(1, self._limits.max_connections // 2)),
            reload=lambda: reload if self._rules.allow_reload else None,
            has_page=lambda: self._rules.page,
        )
        self._on_failure = on_failure
        self._on_drop = RateLimited(log.warning)
        # Only one, because each has a traceback.
        self._on_error = RateLimited(log.error, per_minute=1)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._grace_seconds = _GRACE_SECONDS
        self._socket = listen(host, port, self._backlog)
        self._address = Address(*self._socket.getsockname()[:2])

    @property
    def address(self) -> Address:
        """The host and the port on which it listens, from construction on."""
        return self._address

    def follow(self, rules: Rules) -> None:
        """Use other rules from now on; may be called from any thread."""
        self._rules = rules

    @property
    def is_alive(self) -> bool:
        """Whether it was started, and has neither stopped nor failed."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start to reply to requests.

        Raises:
            RuntimeError: It was started before.
        """
        if self._thread is not None:
            msg = "the web server was started before"
            raise RuntimeError(msg)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, self._socket.dup()), name="web", daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Stop, and close every connection; may be called twice.

        Args:
            timeout: Seconds to wait for the end of the thread. Unfinished responses get half of it,
                and at most two seconds.
        """
        self._socket.close()
        if self._thread is None or self._loop is None:
            return
        self._grace_seconds = min(_GRACE_SECONDS, timeout / 2)
        with contextlib.suppress(RuntimeError):  # The loop has ended by itself.
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.warning("web server did not stop in time", timeout_seconds=timeout)

    def _run(self, loop: asyncio.AbstractEventLoop, listening: socket.socket) -> None:
        try:
            with listening, asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve(listening))
        except Exception:
            log.exception("web server failed")
            self._on_failure()
        finally:
            # Refuses clients even if another descriptor of the socket is open.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    async def _serve(self, listening: socket.socket) -> None:
        limiter = ConnectionLimiter(self._limits, self._dropped)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(partial(_on_loop_error, limiter, self._on_error))
        config = self._config(limiter)
        state = ServerState()

        def http(connection: Connection) -> H11Protocol:
            return H11Protocol(config, state, {"connection": connection})

        server = await loop.create_server(
            lambda: Connection(limiter, self._access, http),
            sock=listening,
            backlog=self._backlog,
        )
        watch = asyncio.create_task(self._watch(limiter))
        await self._stopping.wait()
        # asyncio would forget connections that it has accepted just before the close.
        loop.remove_reader(listening)
        await asyncio.sleep(0)
        server.close()
        watch.cancel()
        await limiter.finish_all(self._grace_seconds)

    async def _watch(self, limiter: ConnectionLimiter) -> None:
        """Check the connections again and again, also if they do nothing."""
        before = self._access(), self._rules.page
        while True:
            await asyncio.sleep(self._limits.check_seconds)
            now = self._access(), self._rules.page
            limiter.enforce(now[0].tls)
            limiter.drop_unread()
            if now != before:
                # Whoever may not read it any more must not go on reading.
                self._routes.live.end_all()
                before = now

    def _access(self) -> Access:
        return self._rules.access()

    def _config(self, limiter: ConnectionLimiter) -> Config:
        # It tells of each client that sends no valid HTTP, or is dropped. Errors are ours to log.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        config = Config(
            Answers(
                self._routes.app(), limiter, lambda: self._rules, Gate(self._access), self._on_error
            ),
            http=H11Protocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            workers=1,
            timeout_keep_alive=ceil(self._limits.idle_seconds),
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )  # fmt: skip
        config.load()
        return config

    def _dropped(self, reason: str) -> None:
        self._on_drop(reason, "web client dropped", reason=reason)


def _on_loop_error(
    limiter: ConnectionLimiter,
    on_error: RateLimited,
    _loop: asyncio.AbstractEventLoop,
    context: dict[str, Any],
) -> None:
    error = context.get("exception")
    if isinstance(error, asyncio.CancelledError):
        return  # asyncio 3.11 reports connections that are dropped at the stop.
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        # asyncio accepts again after a second, and would fail again without free descriptors.
        limiter.drop_idle()
    # Limited by the type of the error: the message can contain the repr of an object.
    on_error(
        type(error).__name__,
        "web server error",
        detail=str(context.get("message", "")),
        exc_info=error,
    )


def listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket. It is made first, to find a port in use before all else starts.

    Raises:
        OSError: It cannot listen on the address; the message has the address and the reason.
    """
    if not 0 <= port <= _LAST_PORT:
        raise _cannot_listen(host, port, errno.EINVAL, "no such port")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        everywhere = address[0] == "::" and socket.has_dualstack_ipv6()
        listening = socket.create_server(
            address, family=family, backlog=backlog, dualstack_ipv6=everywhere
        )
    except socket.gaierror as error:
        # Its error numbers are not those of errno.
        raise _cannot_listen(host, port, errno.EADDRNOTAVAIL, error.strerror or "") from error
    except OSError as error:
        number = error.errno or errno.EIO
        raise _cannot_listen(host, port, number, os.strerror(number)) from error
    # Connections inherit it. Without it, the end of a response waits 40 ms for the client's kernel.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _cannot_listen(host: str, port: int, number: int, reason: str) -> OSError:
    return OSError(number, f"cannot listen on {Address(host, port)}: {reason}")


def _descriptor_share() -> int:
    """Return the maximum of open connections: a quarter of the process's file descriptors.

    The others are for the consumer, the recovery store, and connections that are accepted but not
    yet admitted.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, soft // 4) if soft != resource.RLIM_INFINITY else _BACKLOG * 16
