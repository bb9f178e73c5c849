"""What a hostile or broken server can do, and what it costs."""

import asyncio
import gc
import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.client import Client
from exporter.snapshots.connections import MAX_ANSWER, MAX_CONNECTIONS
from exporter.snapshots.login import REUSE_FAILURE_SECONDS
from exporter.snapshots.source import SnapshotError
from tests.certificates import Certificates, make_certificates
from tests.snapshots.clients import Timer, agents, client_of, failure, run
from tests.snapshots.server import (
    AGENTS,
    Apis,
    Behaviour,
    Request,
    body,
    endless,
    head,
    reply,
    serving,
    silent,
    trickle,
)
from tests.support import free_port, within

# Of a request, where a test waits for its end.
SECONDS = 2.0


@pytest.fixture
def apis() -> Iterator[Apis]:
    with serving() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def behaves(content: bytes) -> Behaviour:
    async def send(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        writer.transport.abort()

    return send


def test_an_answer_may_have_a_lot(apis: Apis) -> None:
    content = b"[" + b" " * (MAX_ANSWER - 2) + b"]"
    apis.behaviours[AGENTS] = reply(200, content)
    assert run(agents(client_of(apis))) == content


@pytest.mark.parametrize("behaviour", [endless, reply(200, b"[" + b" " * 50_000_000)])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    apis: Apis, behaviour: Behaviour
) -> None:
    apis.behaviours[AGENTS] = behaviour
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.MALFORMED
    assert error.problem == "the answer of agentd is too large: it has more than 16 MiB"


def test_an_error_without_an_end_is_known_by_its_status(apis: Apis) -> None:
    async def fail(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(503, Transfer_Encoding="chunked"))
        while True:
            writer.write(b"400\r\n" + b"x" * 0x400 + b"\r\n")
            await writer.drain()

    apis.behaviours[AGENTS] = fail
    assert failure(agents(client_of(apis))).problem == "agentd is not ready (503)"


def test_a_compressed_answer_is_not_decompressed(apis: Apis) -> None:
    bomb = gzip.compress(b"[" + b" " * 100_000_000)
    apis.behaviours[AGENTS] = reply(200, bomb, Content_Encoding="gzip")
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.MALFORMED
    assert error.problem == "agentd sent a compressed answer, for which it was not asked"


@pytest.mark.parametrize("behaviour", [silent, trickle], ids=lambda each: each.__name__)
def test_the_whole_answer_has_a_time_limit(apis: Apis, behaviour: Behaviour) -> None:
    apis.behaviours[AGENTS] = behaviour
    with within(SECONDS + 5):
        error = failure(agents(client_of(apis, seconds=SECONDS)))
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem == "agentd does not answer in time"


def test_a_peer_that_accepts_and_says_nothing_at_all_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        apis = Apis(listening.getsockname()[1], scheme="https")
        with within(SECONDS + 5):
            error = failure(agents(client_of(apis, seconds=SECONDS)))
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem == "auth does not answer in time"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"\x00" * 1000,
        head(200, Content_Length="10") + b"[",
        head(200, Content_Length="-1"),
        head(200, Transfer_Encoding="chunked") + b"zz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000,
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_no_answer(apis: Apis, content: bytes) -> None:
    apis.behaviours[AGENTS] = behaves(content)
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem.startswith("agentd broke off the connection, or does not speak HTTP")


def test_a_closed_port_is_named_by_its_daemon() -> None:
    error = failure(agents(client_of(Apis(free_port()))))
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem == "auth cannot be reached: Connection refused"


def test_a_host_that_does_not_exist_is_said() -> None:
    error = failure(agents(client_of(Apis(), api_url="http://nowhere.invalid/api")))
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem.startswith("the host name of auth cannot be resolved: ")


@pytest.mark.parametrize("url", ["http://[", "nonsense", "ftp://127.0.0.1"])
def test_a_url_that_cannot_be_used_is_a_problem_and_no_crash(url: str) -> None:
    services = {"auth": url, "agentd": url}
    error = failure(agents(client_of(Apis(), services=services)))
    assert error.outcome is SnapshotOutcome.UNREACHABLE


def test_a_server_is_trusted_by_the_ca_of_the_settings(certificates: Certificates) -> None:
    with serving(certificates) as apis:
        assert run(agents(client_of(apis, ca_file=certificates.ca))) == body("agentd_agents")


def test_a_certificate_of_another_ca_is_not_trusted(
    certificates: Certificates, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path)
    with serving(certificates) as apis:
        for ca_file in (None, other.ca):
            error = failure(agents(client_of(apis, ca_file=ca_file)))
            assert error.outcome is SnapshotOutcome.UNREACHABLE
            assert error.problem.startswith("the certificate of auth is not trusted (")
            assert error.problem.endswith("check --api-ca-file and --api-server-name")
        # Nothing was sent that could contain the password.
        assert not apis.requests


def test_the_certificate_must_have_the_name_of_the_host_or_of_the_settings(
    certificates: Certificates,
) -> None:
    # The certificate is for localhost and 127.0.0.1.
    with serving(certificates, "127.0.0.2") as apis:
        url = f"https://127.0.0.2:{apis.port}"

        def named(name: str) -> Client:
            return client_of(apis, api_url=url, ca_file=certificates.ca, server_name=name)

        for wrong in ("", "wazo.example.com"):
            error = failure(agents(named(wrong)))
            assert error.problem.startswith("the certificate of auth is not trusted (")
        assert not apis.requests
        assert run(agents(named("localhost"))) == body("agentd_agents")


def test_a_changed_ca_file_needs_no_restart(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(make_certificates(tmp_path / "other").ca.read_bytes())
    timer = Timer()
    with serving(certificates) as apis:
        client = client_of(apis, timer, ca_file=ca_file)
        assert "is not trusted" in failure(agents(client)).problem
        ca_file.write_bytes(certificates.ca.read_bytes())
        timer.now += REUSE_FAILURE_SECONDS
        assert run(agents(client)) == body("agentd_agents")


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_ca_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    error = failure(agents(client_of(Apis(), ca_file=ca_file)))
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem.startswith("the CA certificates cannot be used: check --api-ca-file")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (head(400), "auth does not speak TLS on this port: check --api-url and --api-services"),
        (b"", "TLS with auth failed: "),
        # The alert protocol_version.
        (b"\x15\x03\x03\x00\x02\x02\x46", "TLS with auth failed: "),
    ],
)
def test_a_handshake_that_fails_is_explained(answer: bytes, problem: str) -> None:
    def answer_once(listening: socket.socket) -> None:
        peer, _ = listening.accept()
        with peer:
            peer.recv(10_000)
            peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_once, args=(listening,))
        thread.start()
        error = failure(agents(client_of(Apis(listening.getsockname()[1], scheme="https"))))
        thread.join()
    assert error.outcome is SnapshotOutcome.UNREACHABLE
    assert error.problem.startswith(problem)


def test_the_environment_is_not_asked_for_a_proxy(
    apis: Apis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    assert run(agents(client_of(apis))) == body("agentd_agents")


def test_connections_are_few_and_closed_after_the_last_request(apis: Apis) -> None:
    client = client_of(apis)

    async def ask() -> None:
        async with client:
            await asyncio.gather(*(agents(client) for _ in range(50)))
            assert apis.open
        while apis.open:
            await asyncio.sleep(0.01)

    run(ask())
    assert apis.most_open <= MAX_CONNECTIONS


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(200, body("agentd_agents")),
        reply(500),
        reply(200, b"[]", **{"Content-Encoding": "gzip"}),
        behaves(b""),
        behaves(head(200, Content_Length="10")),
        silent,
    ],
)
def test_a_closed_connection_is_freed_at_once(
    certificates: Certificates, behaviour: Behaviour
) -> None:
    """With TLS, it has 0.4 MB; in a cycle of references it would be kept for minutes."""

    async def ask(apis: Apis) -> None:
        with suppress(SnapshotError):
            await agents(client_of(apis, seconds=SECONDS, ca_file=certificates.ca))

    gc.collect()
    gc.disable()
    try:
        with serving(certificates) as apis:
            apis.behaviours[AGENTS] = behaviour
            run(ask(apis))
        kept = [each for each in gc.get_objects() if type(each) is ssl.SSLObject]
        assert all(each.server_side for each in kept)
    finally:
        gc.enable()
