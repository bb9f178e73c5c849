"""Browsers that show the live page for as long as the soak lasts."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import Self

from exporter.web.live import MAX_AGE_SECONDS
from tests.chaos.soak_exporter import SecureExporter

VIEWERS = 20

_CHUNK = 1 << 16
_SECONDS = 60.0
"""Longest silence: the page has a message at least every 15 seconds."""


class Viewers:
    """So many browsers, each with a connection and a thread that reads all that comes."""

    def __init__(self, exporter: SecureExporter, count: int = VIEWERS) -> None:
        self._request = (
            "GET /-/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Accept-Encoding: gzip\r\nAuthorization: {exporter.authorization}\r\n\r\n"
        ).encode()
        self._exporter = exporter
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        self._connections: list[ssl.SSLSocket] = []
        self._lock = threading.Lock()
        self._is_over = False
        # By thread.
        self._watching: set[int] = set()

    @property
    def watching(self) -> int:
        """How many have been served so far, without being sent away early."""
        return len(self._watching)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._is_over = True
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        with suppress(OSError):
            # As a browser does: it connects again, so that the exporter asks for the password.
            while self._watch() >= MAX_AGE_SECONDS:
                pass
        self._watching.discard(threading.get_ident())

    def _watch(self) -> float:
        """Read until the exporter ends the response; return how many seconds that lasted."""
        began = time.monotonic()
        host, port = self._exporter.address
        plain = socket.create_connection((host, port), timeout=_SECONDS)
        with self._exporter.context.wrap_socket(plain, server_hostname="localhost") as connection:
            connection.sendall(self._request)
            with self._lock:
                if self._is_over:
                    return 0
                self._connections.append(connection)
            if not connection.recv(_CHUNK).startswith(b"HTTP/1.1 200 "):
                return 0
            self._watching.add(threading.get_ident())
            while connection.recv(_CHUNK):
                pass
            with self._lock:
                self._connections.remove(connection)
        return time.monotonic() - began
