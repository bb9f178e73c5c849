"""The APIs of the simulated call centre, over HTTP on a free port of the loopback address.

All are on one port, those of a Wazo below `/api`, with the answers of `demo_lists.py`. As on a real
server, a client logs in with a password, and then shows a token. The password is drawn at each
start, so that other programs of this machine have no access.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import msgspec

from exporter.clock import wall_clock
from exporter.commands.demo_lists import Lists, lists
from exporter.settings import Generation
from exporter.settings.api import ApiSettings
from exporter.simulation.apis import Apis

INTERVAL_SECONDS = 30
"""The state is asked for so often, the shortest setting: who tries the demo sees soon what it is
for."""

MAX_CONNECTIONS = 16
"""Further ones are closed at once."""

MAX_TOKENS = 100
"""As many sessions of a user has wazo-auth."""

_LENGTH = re.compile("[0-9]{1,4}", re.ASCII)
"""Of a body, which is less than 10 kB. The head is bounded by Python's own server."""

_SILENCE_SECONDS = 5.0
"""Longest wait for the next bytes of a client."""

_USER = "demo"
_SERVICES = ("auth", "amid", "agentd", "confd")
"""Of a XiVO. A Wazo has all."""

_BASE = "/api"
"""Path of all APIs of a Wazo."""

_TOKENS = "/0.1/token"
_LIFE = timedelta(hours=2)


class DemoApi(socketserver.ThreadingTCPServer):
    """A server that listens from its creation, and answers during `serving`.

    Attributes:
        settings: How an exporter reaches it.
    """

    daemon_threads = True
    request_queue_size = 2 * MAX_CONNECTIONS

    def __init__(self, generation: Generation = Generation.XIVO) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        is_wazo = generation is Generation.WAZO
        self._password = secrets.token_urlsafe(24)
        self._tokens: set[str] = set()
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._tokens_path = f"{_BASE}/auth{_TOKENS}" if is_wazo else _TOKENS
        self._lists: Lists = {}
        self._origin = ""
        # Of the call centre; it also guards the tokens.
        self._lock = threading.Lock()
        url = f"http://127.0.0.1:{self.server_address[1]}"
        self.settings = ApiSettings(
            api_url=url + _BASE if is_wazo else None,
            api_services={} if is_wazo else dict.fromkeys(_SERVICES, url),
            api_username=_USER,
            api_password=self._password,
            api_interval=INTERVAL_SECONDS,
        )

    @contextmanager
    def serving(self, apis: Apis, lock: threading.Lock, speed: float) -> Iterator[None]:
        """Answer for a call centre, in threads of its own.

        Args:
            apis: Of the call centre.
            lock: Held while the call centre is used, here and elsewhere.
            speed: Simulated seconds in each second.
        """
        self._lock, self._origin = lock, apis.origin_uuid
        self._lists = lists(apis, speed, _BASE)
        thread = threading.Thread(target=self.serve_forever, args=(0.1,), name="demo-api")
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()

    def answer(
        self, method: str, path: str, authorization: str, shown: str
    ) -> tuple[HTTPStatus, object]:
        """Return status and content of the answer to a request.

        Args:
            method: Of the request.
            path: Without the query.
            authorization: The header of this name.
            shown: The token.
        """
        with self._lock:
            if (method, path) == ("POST", self._tokens_path):
                return self._log_in(authorization)
            if method == "DELETE" and path.startswith(f"{self._tokens_path}/"):
                self._tokens.discard(path.rpartition("/")[2])
                return HTTPStatus.OK, {"data": {"message": "success"}}
            if shown not in self._tokens:
                return _error(HTTPStatus.UNAUTHORIZED)
            answer = self._lists.get((method, path))
            return _error(HTTPStatus.NOT_FOUND) if answer is None else (HTTPStatus.OK, answer())

    def _log_in(self, authorization: str) -> tuple[HTTPStatus, object]:
        shown = authorization.removeprefix("Basic ")
        try:
            pair = base64.b64decode(shown, validate=True)
        except (binascii.Error, ValueError):
            pair = b""
        if not secrets.compare_digest(pair, f"{_USER}:{self._password}".encode()):
            return _error(HTTPStatus.UNAUTHORIZED)
        if len(self._tokens) >= MAX_TOKENS:
            return _error(HTTPStatus.TOO_MANY_REQUESTS)
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        now = datetime.fromtimestamp(wall_clock(), UTC).replace(tzinfo=None)
        data = {
            "token": token,
            "xivo_uuid": self._origin,
            "utc_issued_at": now.isoformat(),
            "utc_expires_at": (now + _LIFE).isoformat(),
        }
        return HTTPStatus.OK, {"data": data}

    def verify_request(self, *_: object) -> bool:
        """Return whether there is a place for a connection, and take it."""
        return self._places.acquire(blocking=False)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 -- of socketserver
        """Answer a connection, and release its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that broke off."""


class _Handler(BaseHTTPRequestHandler):
    # It speaks HTTP/1.0: each connection has one request.

    server: DemoApi
    timeout: ClassVar[float] = _SILENCE_SECONDS

    def do_GET(self) -> None:
        """Answer a request; http.server calls it by this name."""
        length = self.headers.get("Content-Length", "0")
        if not _LENGTH.fullmatch(length):
            self._send(*_error(HTTPStatus.BAD_REQUEST))
            return
        # No answer depends on it.
        self.rfile.read(int(length))
        path = self.path.partition("?")[0]
        authorization = self.headers.get("Authorization", "")
        token = self.headers.get("X-Auth-Token", "")
        self._send(*self.server.answer(self.command, path, authorization, token))

    do_POST = do_DELETE = do_GET  # noqa: N815 -- as above

    def _send(self, status: HTTPStatus, content: object) -> None:
        body = msgspec.json.encode(content)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the requests are the exporter's own."""


def _error(status: HTTPStatus) -> tuple[HTTPStatus, object]:
    return status, {"reason": [status.phrase], "status_code": status.value}
