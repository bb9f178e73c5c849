"""The health check of the image, against servers with and without TLS."""

import asyncio
import json
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.settings.web_kinds import ClientAuth
from exporter.web.access import AccessFile
from exporter.web.server import Rules, WebServer
from tests.certificates import Certificates, make_certificates
from tests.support import REPOSITORY, free_port
from tests.web.serving import FakePages

SCRIPT = REPOSITORY / "scripts" / "healthcheck.py"
WITH_CONFIG = {"XIVO_EXPORTER_WEB_CONFIG_FILE": "/etc/xivo-exporter/web-config.yml"}
NO_CONFIG: dict[str, str] = {}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def context(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return context


class Server:
    """A server on the same libraries as the exporter's.

    Attributes:
        port: On 127.0.0.1.
        asked: The first lines of requests.
    """

    def __init__(self, status: int, context: ssl.SSLContext | None) -> None:
        self.port = 0
        self.asked: list[bytes] = []
        self._status = status
        self._context = context
        self._loop = asyncio.new_event_loop()
        # Failed handshakes are what the tests provoke.
        self._loop.set_exception_handler(lambda *_: None)
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    async def _run(self) -> None:
        self._end = asyncio.Event()
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0, ssl=self._context)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        async with server:
            await self._end.wait()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        self.asked.append(line)
        status = self._status if line.startswith(b"GET ") else 400
        writer.write(b"HTTP/1.1 %d Status\r\ncontent-length: 0\r\n\r\n" % status)
        writer.close()

    def start(self) -> None:
        self._thread.start()
        assert self._started.wait(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()


@contextmanager
def serving(status: int = 200, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(status, context)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def is_healthy(port: int, environment: dict[str, str], scheme: str = "http") -> bool:
    """Run the check as the image does: without site, and without the environment of Python."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", SCRIPT, f"{scheme}://127.0.0.1:{port}"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in (0, 1)
    return done.returncode == 0


@pytest.mark.parametrize("environment", [NO_CONFIG, WITH_CONFIG], ids=["plain", "web config"])
@pytest.mark.parametrize("is_tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    ("status", "healthy"), [(200, True), (401, True), (429, True), (500, False), (503, False)]
)
def test_a_server_is_healthy_if_it_answers_with_or_without_tls_and_users(
    status: int, healthy: bool, is_tls: bool, environment: dict[str, str], context: ssl.SSLContext
) -> None:
    with serving(status, context if is_tls else None) as server:
        assert is_healthy(server.port, environment) is healthy
    assert server.asked[-1] == b"GET /-/healthy HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("environment", "scheme", "is_tls"),
    [(NO_CONFIG, "http", False), (NO_CONFIG, "https", True), (WITH_CONFIG, "http", True)],
)
def test_the_probable_protocol_is_the_first_so_that_the_server_logs_nothing(
    environment: dict[str, str], scheme: str, is_tls: bool, context: ssl.SSLContext
) -> None:
    with serving(context=context if is_tls else None) as server:
        assert is_healthy(server.port, environment, scheme)
    assert server.asked == [b"GET /-/healthy HTTP/1.1\r\n"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("environment", [NO_CONFIG, WITH_CONFIG], ids=["plain", "web config"])
def test_a_server_that_wants_a_client_certificate_is_healthy(
    environment: dict[str, str],
    version: ssl.TLSVersion,
    context: ssl.SSLContext,
    certificates: Certificates,
) -> None:
    context.load_verify_locations(certificates.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = version
    with serving(context=context) as server:
        assert is_healthy(server.port, environment)
    assert server.asked == []


@pytest.mark.parametrize("requires_certificate", [False, True])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_web_server_of_the_exporter_is_healthy(
    scheme: str, requires_certificate: bool, certificates: Certificates, tmp_path: Path
) -> None:
    file = tmp_path / "web.yml"
    tls = {"cert_file": f"{certificates.server}", "key_file": f"{certificates.server_key}"}
    if requires_certificate:
        tls |= {"client_auth_type": ClientAuth.REQUIRED, "client_ca_file": f"{certificates.ca}"}
    file.write_text(json.dumps({"tls_server_config": tls}))
    rules = Rules(AccessFile(file).current)
    server = WebServer(FakePages(), host="127.0.0.1", port=0, rules=rules)
    server.start()
    try:
        assert is_healthy(server.address.port, NO_CONFIG, scheme)
    finally:
        server.stop()


@pytest.mark.parametrize("environment", [NO_CONFIG, WITH_CONFIG], ids=["plain", "web config"])
def test_nobody_who_listens_and_a_server_that_hangs_are_not_healthy(
    environment: dict[str, str],
) -> None:
    assert not is_healthy(free_port(), environment)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        assert not is_healthy(hanging.getsockname()[1], environment)


def test_the_image_runs_the_check_on_the_port_of_the_program() -> None:
    image = Path(REPOSITORY / "Containerfile").read_text(encoding="utf-8")
    assert f"COPY scripts/{SCRIPT.name} /opt/xivo-exporter/bin/" in image
    assert '"/opt/xivo-exporter/bin/healthcheck.py", "http://127.0.0.1:10495"]' in image
