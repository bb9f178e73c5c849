"""Runs `check` as users do, and reads its document."""

from __future__ import annotations

import io
import json
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from exporter.__main__ import main
from tests.certificates import Certificates
from tests.integration.bus import ORIGIN, Wire, chat, meanwhile, send
from tests.servers import Broker

INSTANCE = ("--instance", "i", "--listen", "127.0.0.1:0", "--log-level", "error")
QUICK = (*INSTANCE, "--wait", "0s")
"""Without a wait for events."""


class Checked(NamedTuple):
    """What a check has printed: its exit status, and each finding by the name of its check."""

    status: int
    document: dict[str, Any]

    def named(self, result: str) -> dict[str, dict[str, str]]:
        """Return the findings with a result."""
        found = (each for each in self.document["findings"] if each["result"] == result)
        return {each["check"]: each for each in found}

    @property
    def failed(self) -> dict[str, dict[str, str]]:
        return self.named("failed")

    def text(self, check: str) -> str:
        """Return the detail and the advice of a check."""
        [found] = [each for each in self.document["findings"] if each["check"] == check]
        return f"{found['result']}: {found['detail']} -> {found['advice']}"


def check(*arguments: str) -> Checked:
    """Run a check in this process."""
    output = io.StringIO()
    with redirect_stdout(output):
        status = main(["check", "--json", *arguments])
    return Checked(status, json.loads(output.getvalue()))


def assert_names(checked: Checked, name: str, *words: str) -> None:
    """Assert that just one check failed, that it says what to do, and that its text has words."""
    assert {*checked.failed} == {name}, checked.document
    assert checked.status == 1
    assert checked.failed[name]["advice"]
    for word in words:
        assert word in checked.text(name)
    for each in checked.named("not_tried").values():
        assert each["detail"]


@contextmanager
def publishing(
    broker: Broker, message: Callable[[], Wire], exchange: str = "xivo"
) -> Iterator[None]:
    """Publish a message again and again."""
    with (
        broker.channel() as channel,
        meanwhile(lambda: send(channel, message(), exchange), pause=0.02),
    ):
        yield


@contextmanager
def answering(act: Callable[[socket.socket], object]) -> Iterator[int]:
    """Listen on a port, and act on each connection; return the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    held.append(connection)
                    with suppress(OSError):
                        act(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        for each in held:
            each.close()


@contextmanager
def tls_server(
    certificates: Certificates, *, asks: bool = False, version: ssl.TLSVersion | None = None
) -> Iterator[int]:
    """Listen with TLS, and do nothing else; return the port.

    Args:
        certificates: That of the server, and the authority of its clients.
        asks: Whether it refuses clients without a certificate.
        version: The only version of TLS.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    if asks:
        context.load_verify_locations(certificates.ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if version is not None:
        with warnings.catch_warnings():
            # Old versions are what is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        if version < ssl.TLSVersion.TLSv1_2:
            context.set_ciphers("ALL:@SECLEVEL=0")

    def shake(connection: socket.socket) -> None:
        connection.settimeout(10)
        with context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ) as secured:
            try:
                secured.do_handshake()
                secured.recv(1)
            except ssl.SSLError:
                # A close with data that nobody has read would overtake what TLS says.
                secured.shutdown(socket.SHUT_WR)
                while socket.socket.recv(secured, 4096):
                    continue

    with answering(shake) as port:
        yield port


def stamped(offset: float = 0, zone: str = "+00:00", origin: str = ORIGIN) -> Wire:
    """Return an event with a time stamp that is so many seconds ahead."""
    now = datetime.fromtimestamp(time.time() + offset, UTC)
    content = json.loads(chat(origin=origin))
    content["timestamp"] = f"{now:%Y-%m-%dT%H:%M:%S.%f}{zone}"
    return Wire(json.dumps(content).encode())
