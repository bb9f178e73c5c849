"""The web server: Hypercorn behind the connection limiter, with its own thread and event loop.

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
from typing import Any

import structlog
from hypercorn.asyncio import serve
from hypercorn.config import Config

from exporter import __version__
from exporter.logs import RateLimited
from exporter.settings.address import Address
from exporter.web.asgi import App
from exporter.web.limiter import MAX_HEAD_BYTES, Connection, ConnectionLimiter, Limits
from exporter.web.routes import Pages, Routes
from exporter.web.views import Link

__all__ = ["Limits", "Pages", "WebServer"]

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
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        limits = limits or Limits()
        share = _descriptor_share()
        self._limits = replace(limits, max_connections=min(limits.max_connections, share))
        self._backlog = min(_BACKLOG, share)
        self._routes = Routes(pages, version=__version__, links=links)
        self._on_failure = on_failure
        self._on_drop = RateLimited(log.warning)
        # Only one, because each has a traceback.
        self._on_error = RateLimited(log.error, per_minute=1)
        self._thread: threading.Thread | None = None
        self._loop: _LimitedLoop | None = None
        self._stopping = asyncio.Event()
        self._grace_seconds = _GRACE_SECONDS
        self._socket = _listen(host, port, self._backlog)
        self._address = Address(*self._socket.getsockname()[:2])

    @property
    def address(self) -> Address:
        """The host and the port on which it listens, from construction on."""
        return self._address

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
        limiter = ConnectionLimiter(self._limits, self._dropped)
        self._loop = _LimitedLoop(limiter)
        self._loop.set_exception_handler(partial(_on_loop_error, limiter, self._on_error))
        # Hypercorn closes the descriptor that it gets.
        config = self._config(os.dup(self._socket.fileno()))
        self._thread = threading.Thread(
            target=self._run, args=(self._loop, limiter, config), name="web", daemon=True
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

    def _run(self, loop: _LimitedLoop, limiter: ConnectionLimiter, config: Config) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve(loop, limiter, config))
        except Exception:
            log.exception("web server failed")
            self._on_failure()
        finally:
            # Refuses clients even if another descriptor of the socket is open.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()

    async def _serve(self, loop: _LimitedLoop, limiter: ConnectionLimiter, config: Config) -> None:
        async def stop_requested() -> None:
            await self._stopping.wait()
            # Hypercorn closes idle connections at once and waits for unfinished responses, with
            # Python 3.12 and later without a limit.
            loop.call_later(self._grace_seconds, limiter.drop_all)
            config.graceful_timeout = self._grace_seconds

        app = App(self._routes, limiter, self._on_error)
        try:
            await serve(app, config, shutdown_trigger=stop_requested, mode="asgi")
        finally:
            app.close()

    def _config(self, descriptor: int) -> Config:
        # Hypercorn would set the level too, but also install a handler.
        errors = logging.getLogger("hypercorn.error")
        errors.setLevel(logging.WARNING)
        config = Config()
        config.bind = [f"fd://{descriptor}"]
        config.backlog = self._backlog
        config.errorlog = errors
        config.accesslog = None
        config.include_server_header = False
        config.keep_alive_timeout = self._limits.idle_seconds
        config.h11_max_incomplete_size = MAX_HEAD_BYTES
        return config

    def _dropped(self, reason: str) -> None:
        self._on_drop(reason, "web client dropped", reason=reason)


class _LimitedLoop(asyncio.SelectorEventLoop):
    """An event loop whose servers pass every connection through the limiter."""

    def __init__(self, limiter: ConnectionLimiter) -> None:
        super().__init__()
        self._limiter = limiter

    async def create_server(  # type: ignore[override]  # the other arguments only pass through
        self,
        protocol_factory: Callable[[], asyncio.Protocol],
        *args: Any,  # noqa: ANN401 -- as above
        **kwargs: Any,  # noqa: ANN401 -- as above
    ) -> asyncio.Server:
        """Create a server whose connections go through the limiter."""

        def limited() -> Connection:
            return Connection(protocol_factory(), self._limiter)

        return await super().create_server(limited, *args, **kwargs)


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


def _listen(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket. It is made first, to find a port in use before all else starts."""
    if not 0 <= port <= _LAST_PORT:
        raise _cannot_listen(host, port, errno.EINVAL, "no such port")
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        everywhere = address[0] == "::" and socket.has_dualstack_ipv6()
        return socket.create_server(
            address, family=family, backlog=backlog, dualstack_ipv6=everywhere
        )
    except socket.gaierror as error:
        # Its error numbers are not those of errno.
        raise _cannot_listen(host, port, errno.EADDRNOTAVAIL, error.strerror or "") from error
    except OSError as error:
        number = error.errno or errno.EIO
        raise _cannot_listen(host, port, number, os.strerror(number)) from error


def _cannot_listen(host: str, port: int, number: int, reason: str) -> OSError:
    return OSError(number, f"cannot listen on {Address(host, port)}: {reason}")


def _descriptor_share() -> int:
    """Return the maximum of open connections: a quarter of the process's file descriptors.

    The others are for the consumer, the recovery store, and connections that are accepted but not
    yet admitted.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(8, soft // 4) if soft != resource.RLIM_INFINITY else _BACKLOG * 16
