"""TLS below HTTP: handshakes that fail, certificates and rules that change, real clients."""

import contextlib
import http.client
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.web.server import Limits
from tests.certificates import Certificates, make_certificates
from tests.support import eventually, missing, within
from tests.web.conftest import tls_of
from tests.web.serving import (
    GENEROUS,
    SHORT,
    FakeAccess,
    FakePages,
    FakeTls,
    Served,
    all_closed,
    ask,
    clients,
    connect,
    http_client,
    is_closed,
    is_open_at_the_server,
    request,
    reset,
    serving,
)

# A record that says it has 512 bytes, and the begin of a ClientHello.
HALF_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


def plain(server: Served, stack: contextlib.ExitStack, first: bytes = b"") -> socket.socket:
    """Connect without TLS."""
    client = stack.enter_context(socket.create_connection(server.address, timeout=GENEROUS))
    client.sendall(first)
    return client


def hello(client: FakeTls) -> bytes:
    """The first message of a client."""
    outgoing = ssl.MemoryBIO()
    handshake = client.client.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="127.0.0.1")
    with contextlib.suppress(ssl.SSLWantReadError):
        handshake.do_handshake()
    return outgoing.read()


# Handshakes


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HALF_HELLO[:1], id="one byte"),
        pytest.param(HALF_HELLO, id="half of the first message"),
        pytest.param(None, id="only the first message"),
    ],
)
def test_a_handshake_that_stands_still_is_closed_after_its_time(
    tls: FakeTls, first: bytes | None
) -> None:
    with (
        capture_logs() as logged,
        serving(limits=SHORT, access=FakeAccess(tls)) as server,
        contextlib.ExitStack() as stack,
    ):
        first = hello(tls) if first is None else first
        opened = [plain(server, stack, first) for _ in range(3)]
        eventually(all_closed(opened), what="the connections are closed")
    assert not logged


def test_a_handshake_that_comes_byte_by_byte_is_closed_after_its_time(tls: FakeTls) -> None:
    left = list(hello(tls))
    limits = Limits(head_seconds=0.5)
    with (
        serving(limits=limits, access=FakeAccess(tls)) as server,
        contextlib.ExitStack() as stack,
    ):
        client = plain(server, stack)

        def trickle() -> bool:
            with contextlib.suppress(ConnectionError):
                client.sendall(bytes([left.pop(0)]))
            return is_closed(client)

        eventually(trickle, what="the connection is closed")


def test_five_hundred_half_handshakes_delay_no_scrape(tls: FakeTls) -> None:
    limits = Limits(max_connections=600)
    with (
        serving(limits=limits, access=FakeAccess(tls)) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [plain(server, stack, HALF_HELLO) for _ in range(500)]
        with within(5):
            for _ in range(20):
                assert ask(server, "/metrics").body == b"up 1\n"
        assert not any(map(is_closed, opened))


def test_half_handshakes_count_as_connections(tls: FakeTls) -> None:
    limits = Limits(max_connections=10)
    with (
        capture_logs() as logged,
        serving(limits=limits, access=FakeAccess(tls)) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [plain(server, stack, HALF_HELLO) for _ in range(30)]
        assert ask(server, "/metrics").body == b"up 1\n"
        eventually(lambda: sum(map(is_closed, opened)) == 21, what="21 connections are closed")
        assert all(map(is_closed, opened[:21]))
    assert {line["reason"] for line in logged} == {"too many connections"}


@pytest.mark.parametrize("count", range(0, 600, 50))
def test_a_client_that_is_cut_off_in_its_handshake_leaves_nothing(tls: FakeTls, count: int) -> None:
    with capture_logs() as logged, serving(access=FakeAccess(tls)) as server:
        for close in (reset, socket.socket.close):
            client = socket.create_connection(server.address, timeout=GENEROUS)
            client.sendall(hello(tls)[:count])
            close(client)
        assert ask(server, "/-/healthy").status == 200
        with within(1):
            server.stop()
    assert not logged


@pytest.mark.parametrize("garbage", [b"\x16" * 1000, b"\x16\x03\x01\x00\x02ab", HALF_HELLO * 99])
def test_what_only_looks_like_a_handshake_is_closed(tls: FakeTls, garbage: bytes) -> None:
    with (
        capture_logs() as logged,
        serving(limits=SHORT, access=FakeAccess(tls)) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [plain(server, stack, garbage) for _ in range(3)]
        eventually(all_closed(opened), what="the connections are closed")
        assert ask(server, "/-/healthy").status == 200
    assert not logged


def test_plain_http_on_a_port_with_tls_gets_an_error_that_says_so(tls: FakeTls) -> None:
    with serving(access=FakeAccess(tls)) as server:
        connection = http.client.HTTPConnection(*server.address, timeout=GENEROUS)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (
                400,
                b"This port speaks HTTPS, but the request is plain HTTP.\n",
            )


def test_a_request_may_arrive_with_the_end_of_the_handshake(tls: FakeTls) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = tls.client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with serving(access=FakeAccess(tls)) as server, contextlib.ExitStack() as stack:
        wire = plain(server, stack)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                wire.sendall(outgoing.read())
                incoming.write(wire.recv(65536))
        client.write(request("/metrics"))
        # Its last message, and the request.
        wire.sendall(outgoing.read())
        answer = b""
        while not answer.endswith(b"up 1\n"):
            incoming.write(wire.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                while True:
                    answer += client.read(65536)


def test_a_client_that_may_not_connect_gets_no_answer(tls: FakeTls) -> None:
    tls.is_allowed = False
    with serving(access=FakeAccess(tls)) as server, contextlib.ExitStack() as stack:
        client = stack.enter_context(connect(server))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            client.sendall(request("/metrics"))
        eventually(lambda: is_closed(client), what="the connection is closed")
        tls.is_allowed = True
        assert ask(server, "/metrics").status == 200


def test_a_client_without_the_certificate_that_is_required_gets_no_answer(
    tls: FakeTls, certificates: Certificates
) -> None:
    tls.context.verify_mode = ssl.CERT_REQUIRED
    tls.context.load_verify_locations(certificates.ca)
    with capture_logs() as logged, serving(access=FakeAccess(tls)) as server:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, "/metrics")
        tls.client.load_cert_chain(certificates.client, certificates.client_key)
        assert ask(server, "/metrics").body == b"up 1\n"
    assert not logged


# The end of connections


def test_a_client_that_closes_without_a_farewell_is_let_go_of(tls: FakeTls) -> None:
    with capture_logs() as logged, serving(access=FakeAccess(tls)) as server:
        for first in (b"", request("/metrics"), request("/metrics")[:-2]):
            for close in (reset, socket.socket.close):
                client = connect(server)
                client.sendall(first)
                # Its socket without TLS.
                close(socket.socket(fileno=client.detach()))
        assert ask(server, "/-/healthy").status == 200
        with within(1):
            server.stop()
    assert not logged


def test_a_client_that_does_not_answer_the_farewell_is_closed(tls: FakeTls) -> None:
    limits = Limits(idle_seconds=0.5, head_seconds=0.5)
    with (
        serving(limits=limits, access=FakeAccess(tls)) as server,
        clients(server, 3) as opened,
    ):
        # They do not read the farewell either.
        eventually(
            lambda: not any(map(is_open_at_the_server, opened)), what="the connections are closed"
        )


def test_an_answer_is_complete_before_the_farewell(tls: FakeTls) -> None:
    pages = FakePages(body=b"x" * 3_000_000)
    with serving(pages, access=FakeAccess(tls)) as server:
        # Close-delimited, so a client sees where it ends.
        for _ in range(5):
            client = connect(server)
            with client:
                client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                answer = client.makefile("rb").read()
            assert len(answer.partition(b"\r\n\r\n")[2]) == len(pages.body)


# Changes


def test_a_new_certificate_is_used_from_the_next_handshake_on(
    certificates: Certificates, tmp_path: Path
) -> None:
    old, new = tls_of(certificates), tls_of(make_certificates(tmp_path))
    access = FakeAccess(old)
    with serving(limits=Limits(check_seconds=0.1), access=access) as server:
        kept = http_client(server)
        with contextlib.closing(kept):
            kept.request("GET", "/metrics")
            assert kept.getresponse().read() == b"up 1\n"
            before = kept.sock
            access.tls = new
            # `ask` trusts only the new one.
            assert ask(server, "/metrics").body == b"up 1\n"
            for _ in range(3):
                kept.request("GET", "/metrics")
                assert kept.getresponse().read() == b"up 1\n"
            assert kept.sock is before


def test_no_scrape_is_dropped_while_certificates_change(
    certificates: Certificates, tmp_path: Path
) -> None:
    both = [certificates, make_certificates(tmp_path)]
    trust = ssl.create_default_context()
    for each in both:
        trust.load_verify_locations(each.ca)
    choices = [FakeTls(tls_of(each).context, trust) for each in both]
    access = FakeAccess(choices[0])
    done = threading.Event()

    def scrape(server: Served) -> int:
        count = 0
        connection = http_client(server)
        with contextlib.closing(connection):
            while not done.is_set():
                assert ask(server, "/metrics").body == b"up 1\n"
                connection.request("GET", "/metrics")
                assert connection.getresponse().read() == b"up 1\n"
                count += 2
        return count

    with (
        capture_logs() as logged,
        serving(access=access) as server,
        ThreadPoolExecutor(3) as pool,
    ):
        scrapes = [pool.submit(scrape, server) for _ in range(3)]
        for turn in range(100):
            access.tls = choices[turn % 2]
            ask(server, "/-/healthy")
        done.set()
        assert sum(each.result(GENEROUS) for each in scrapes) > 10
    assert not logged


def changes(tls: FakeTls) -> dict[str, tuple[FakeTls | None, FakeTls | None]]:
    return {
        "other rules": (tls, tls.having_other_rules()),
        "on": (None, tls),
        "off": (tls, None),
    }


CHANGES = pytest.mark.parametrize("change", ["other rules", "on", "off"])


@CHANGES
def test_when_the_rules_change_idle_connections_end(tls: FakeTls, change: str) -> None:
    old, new = changes(tls)[change]
    access = FakeAccess(old)
    with serving(limits=Limits(check_seconds=0.1), access=access) as server:
        with clients(server, 3) as idle, clients(server, 3, request("/-/healthy")) as kept:
            heads = [client.recv(65536) for client in kept]
            assert all(head.startswith(b"HTTP/1.1 200") for head in heads)
            access.tls = new
            eventually(all_closed([*idle, *kept]), what="the connections are closed")
        assert ask(server, "/metrics").status == 200


@CHANGES
def test_when_the_rules_change_a_request_on_an_old_connection_gets_no_answer(
    tls: FakeTls, change: str
) -> None:
    old, new = changes(tls)[change]
    access = FakeAccess(old)
    pages = FakePages()
    with serving(pages, access=access) as server, clients(server, 1) as [client]:
        client.sendall(request("/-/healthy"))
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        access.tls = new
        client.sendall(request("/metrics"))
        eventually(lambda: is_closed(client), what="the connection is closed")
    assert not pages.asked


@CHANGES
def test_when_the_rules_change_an_answer_under_way_is_the_last(tls: FakeTls, change: str) -> None:
    old, new = changes(tls)[change]
    access = FakeAccess(old)
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    limits = Limits(check_seconds=0.1)
    # Pipelined: the second request is read under the new rules.
    two = 2 * request("/metrics")
    with serving(pages, limits, access=access) as server, clients(server, 1, two) as [client]:
        eventually(lambda: pages.asked, what="the scrape begins")
        access.tls = new
        assert ask(server, "/-/healthy").status == 200
        turn.set()
        assert client.makefile("rb").read().count(b"up 1\n") == 1
    assert len(pages.asked) == 1


@CHANGES
def test_when_the_rules_change_a_handshake_under_way_ends(tls: FakeTls, change: str) -> None:
    old, new = changes(tls)[change]
    access = FakeAccess(old)
    limits = Limits(check_seconds=0.1)
    with serving(limits=limits, access=access) as server, contextlib.ExitStack() as stack:
        opened = [plain(server, stack, first) for first in (b"", HALF_HELLO[:3], HALF_HELLO)]
        # They are accepted before the change.
        assert ask(server, "/-/healthy").status == 200
        access.tls = new
        eventually(all_closed(opened), what="the connections are closed")


# Real clients


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        missing(name, f"apt-get install {name}")
    return path


def curl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("curl"), "--silent", "--show-error", "--max-time", "20", *arguments],
        capture_output=True,
        text=True,
        timeout=GENEROUS,
        check=False,
    )


def test_curl_scrapes_over_tls_and_http_2_is_not_offered(
    tls: FakeTls, certificates: Certificates
) -> None:
    with serving(access=FakeAccess(tls)) as server:
        done = curl(
            *("--cacert", certificates.ca, "--http2", "--write-out", "%{http_version}"),
            *(f"https://{server.address}/metrics", f"https://{server.address}/-/healthy"),
        )
        assert (done.stdout, done.returncode) == ("up 1\n1.1Healthy.\n1.1", 0), done.stderr
        refused = curl(f"https://{server.address}/metrics")
        assert refused.returncode == 60


def test_curl_that_offers_http_2_without_tls_gets_http_1() -> None:
    with serving() as server:
        done = curl("--http2", "--write-out", "%{http_version}", f"http://{server.address}/metrics")
        assert (done.stdout, done.returncode) == ("up 1\n1.1", 0), done.stderr
        known = curl("--http2-prior-knowledge", f"http://{server.address}/metrics")
        assert known.returncode != 0
        assert ask(server, "/metrics").status == 200


def s_client(server: Served, certificates: Certificates, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(program("openssl"), "s_client", "-connect", str(server.address)),
            *("-CAfile", str(certificates.ca), "-verify_return_error", *arguments),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl_scrapes(tls: FakeTls, certificates: Certificates, version: str) -> None:
    asked = request("/metrics", "Connection: close").decode()
    with (
        serving(access=FakeAccess(tls)) as server,
        s_client(server, certificates, version, "-quiet") as client,
    ):
        out, _ = client.communicate(asked, timeout=GENEROUS)
    assert out.endswith("up 1\n")


def commanded(
    server: Served, certificates: Certificates, commands: Sequence[tuple[str, str]], *arguments: str
) -> str:
    """What s_client says; it takes one command from each read of its input."""
    with s_client(server, certificates, *arguments) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        said = ""
        while "Verify return code" not in said:
            said += client.stdout.readline()
        for command, confirmed in commands:
            client.stdin.write(f"{command}\n")
            client.stdin.flush()
            while not said.endswith(f"{confirmed}\n"):
                said += client.stdout.readline()
        client.stdin.close()
        return said + client.stdout.read()


def test_a_renegotiation_is_refused(tls: FakeTls, certificates: Certificates) -> None:
    with capture_logs() as logged, serving(access=FakeAccess(tls)) as server:
        said = commanded(server, certificates, [("R", "RENEGOTIATING")], "-tls1_2")
        assert re.search("no renegotiation|error", said)
        assert ask(server, "/metrics").status == 200
    assert not logged


def test_new_keys_are_made_on_demand(tls: FakeTls, certificates: Certificates) -> None:
    with capture_logs() as logged, serving(access=FakeAccess(tls)) as server:
        commanded(server, certificates, [("K", "KEYUPDATE"), ("k", "KEYUPDATE")], "-tls1_3")
        assert ask(server, "/metrics").status == 200
    assert not logged


@pytest.mark.parametrize("stop", [lambda _: None, Served.stop])
def test_a_stop_waits_for_no_farewell(tls: FakeTls, stop: Callable[[Served], None]) -> None:
    with serving(access=FakeAccess(tls)) as server, clients(server, 20, request("/metrics")):
        eventually(lambda: ask(server, "/-/healthy").status == 200, what="it answers")
        with within(5):
            stop(server)
