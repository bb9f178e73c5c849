import contextlib
import gzip
import http.client
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from html.parser import HTMLParser

import pytest
from structlog.testing import capture_logs

from exporter import __version__
from exporter.web.landing import landing_page
from exporter.web.routes import accepts_gzip
from exporter.web.server import BusView, Limits, Link, WebServer
from tests.support import REPOSITORY, Stopwatch, eventually, within

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
SHORT = Limits(idle_seconds=0.5, head_seconds=0.5, response_seconds=1.5)
GENEROUS = 30.0  # Seconds no step here takes, on any machine.


@dataclass
class FakePages:
    body: bytes = b"up 1\n"
    reason: str | None = None
    views: Sequence[BusView] = ()
    accepts: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def metrics(self, accept: str) -> tuple[str, Iterator[bytes]]:
        self.accepts.append(accept)
        self.before()
        pieces = (self.body[start : start + 1000] for start in range(0, len(self.body), 1000))
        return (OPENMETRICS if "openmetrics" in accept else TEXT), pieces

    def not_ready(self) -> str | None:
        return self.reason

    def buses(self) -> Sequence[BusView]:
        return self.views


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@contextlib.contextmanager
def serving(
    pages: FakePages | None = None,
    limits: Limits | None = None,
    host: str = "127.0.0.1",
    links: Sequence[Link] = (),
) -> Iterator[WebServer]:
    server = WebServer(pages or FakePages(), host=host, port=0, limits=limits, links=links)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        assert not server.is_alive


def ask(
    server: WebServer, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection(*server.address, timeout=GENEROUS)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers=names)
        answer = connection.getresponse()
        lower = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, lower, answer.read())
    finally:
        connection.close()


@contextlib.contextmanager
def clients(
    server: WebServer, count: int, first_bytes: bytes = b""
) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(count):
            client = socket.create_connection(server.address, timeout=GENEROUS)
            opened.append(stack.enter_context(client))
            client.sendall(first_bytes)
        yield opened


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed this connection, after it said whatever it said."""
    client.setblocking(False)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def all_closed(opened: Sequence[socket.socket]) -> Callable[[], bool]:
    return lambda: all(is_closed(client) for client in opened)


def request(path: str, *lines: str, method: str = "GET") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: exporter", *lines, "", ""]
    return "\r\n".join(head).encode()


# What it answers


def test_metrics_come_in_the_format_that_the_pages_choose_by_the_accept_header() -> None:
    pages = FakePages()
    with serving(pages) as server:
        plain = ask(server, "/metrics")
        openmetrics = ask(server, "/metrics", Accept="application/openmetrics-text")
    assert (plain.status, plain.headers["content-type"], plain.body) == (200, TEXT, b"up 1\n")
    assert openmetrics.headers["content-type"] == OPENMETRICS
    assert pages.accepts == ["", "application/openmetrics-text"]
    assert plain.headers["vary"] == "Accept, Accept-Encoding"
    assert plain.headers["content-length"] == "5"
    assert "content-encoding" not in plain.headers


def test_accept_headers_on_several_lines_are_one_list() -> None:
    pages = FakePages()
    with serving(pages) as server, clients(server, 1) as [client]:
        client.sendall(request("/metrics", "Accept: a/b", "Accept: c/d;q=0.5", "Connection: close"))
        assert client.makefile("rb").read().endswith(b"up 1\n")
    assert pages.accepts == ["a/b, c/d;q=0.5"]


def test_gzip_gives_the_same_exposition_back() -> None:
    body = b"".join(b'series{label="%d"} 1\n' % i for i in range(50_000))
    with serving(FakePages(body=body)) as server:
        answer = ask(server, "/metrics", Accept_Encoding="gzip")
        refused = ask(server, "/metrics", Accept_Encoding="gzip;q=0")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-length"] == str(len(answer.body))
    assert len(answer.body) < len(body) / 4
    assert gzip.decompress(answer.body) == body
    assert refused.body == body


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("GZIP, deflate", True),
        ("x-gzip", True),
        ("*", True),
        ("br;q=1.0, gzip;q=0.8, *;q=0.1", True),
        ("gzip;q=0.5, identity;q=0.5", True),
        ("gzip ; q=0.001", True),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*;q=0", False),
        ("*, gzip;q=0", False),
        ("gzip;q=0.5, identity", False),
        ("gzip;q=high", False),
        ("gzip;q=nan", False),
        ("gzip;q=2", False),
        ("gzipped", False),
        (",;,=;q=", False),
    ],
)
def test_gzip_is_used_where_the_client_would_have_it(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


@pytest.mark.parametrize("path", ["/", "/metrics", "/-/healthy", "/-/ready", "/nothing"])
def test_head_has_the_headers_of_get_and_no_body(path: str) -> None:
    with serving() as server:
        get, head = ask(server, path), ask(server, path, "HEAD")
    assert head.body == b""
    assert head.status == get.status
    assert {**head.headers, "date": ""} == {**get.headers, "date": ""}
    assert int(head.headers["content-length"]) == len(get.body) > 0


def test_query_strings_are_ignored() -> None:
    with serving() as server:
        assert ask(server, "/metrics?name[]=up&x=%00").body == b"up 1\n"


@pytest.mark.parametrize("path", ["/nothing", "/metrics/", "/-/", "//", "/../etc/passwd", "*"])
def test_other_paths_are_not_found(path: str) -> None:
    with serving() as server:
        answer = ask(server, path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_other_methods_get_405_with_the_allowed_ones(method: str) -> None:
    with serving() as server:
        answer = ask(server, "/metrics", method, body=b"x" * 1000)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_readiness_gives_the_reason_and_health_does_not_depend_on_it() -> None:
    pages = FakePages(reason="The dataflow has stalled since nöön.")
    with serving(pages) as server:
        not_ready, healthy = ask(server, "/-/ready"), ask(server, "/-/healthy")
        pages.reason = None
        ready = ask(server, "/-/ready")
    assert not_ready.status == 503
    assert not_ready.body.decode() == "The dataflow has stalled since nöön.\n"
    assert (healthy.status, ready.status) == (200, 200)


def test_a_body_of_a_get_is_ignored() -> None:
    with serving() as server:
        assert ask(server, "/metrics", body=b"x" * 10_000).body == b"up 1\n"


def test_no_answer_names_the_server_software() -> None:
    with serving() as server, clients(server, 1) as [client]:
        names = set(ask(server, "/").headers) | set(ask(server, "/nothing").headers)
        client.sendall(b"this is no HTTP\r\n\r\n")
        answer = client.makefile("rb").read()
    assert "server" not in names
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"hypercorn" not in answer.lower()


@pytest.mark.parametrize("path", ["/metrics", "/-/ready", "/"])
def test_a_failing_page_is_a_500_without_details_and_is_logged_once(path: str) -> None:
    class FailingPages(FakePages):
        def metrics(self, accept: str) -> tuple[str, Iterator[bytes]]:
            raise LookupError(accept, "secret")

        def not_ready(self) -> str | None:
            raise LookupError("secret")  # noqa: EM101 -- stands for any exception

    with capture_logs() as logged, serving(FailingPages()) as server:
        answers = [ask(server, path) for _ in range(20)]
    assert {answer.status for answer in answers} == {500}
    assert not any(b"secret" in answer.body or b"LookupError" in answer.body for answer in answers)
    [line] = logged
    assert (line["event"], line["log_level"], line["path"]) == ("page failed", "error", path)
    assert isinstance(line["exc_info"], LookupError)


# The landing page


class Outline(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.hrefs: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.hrefs += [value or "" for name, value in attrs if (tag, name) == ("a", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_landing_page_shows_version_links_and_buses() -> None:
    views = [
        BusView("main", True, "amqp://pbx:5672/", "xivo", 7300, 3.4),
        BusView("branch", False, "amqps://b/", "wazo-headers", 65, None, "wrong password"),
    ]
    links = [Link("https://example.org/docs", "Documentation", "how to operate it")]
    with serving(FakePages(views=views, reason="Not yet."), links=links) as server:
        answer = ask(server, "/")
    outline = Outline(answer.body.decode())
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert outline.hrefs == ["/metrics", "/-/healthy", "/-/ready", "https://example.org/docs"]
    for text in (
        __version__, "not ready", "Not yet.", "main", "amqp://pbx:5672/", "for 2 h", "3 s ago",
        "branch", "not connected", "for 1 min", "none yet", "wrong password", "wazo-headers",
    ):  # fmt: skip
        assert text in outline.text


def test_the_landing_page_without_any_bus_says_so() -> None:
    assert "This process reads no bus." in landing_page("1", None, [])


def test_every_value_on_the_landing_page_is_escaped() -> None:
    evil = """<script>alert("x")</script>'&"""
    view = BusView(evil, False, evil, evil, None, None, evil)
    link = Link(evil, evil, evil)
    page = landing_page(evil, evil, [view], [link])
    harmless = landing_page("v", "v", [BusView("v", False, "v", "v", None, None, "v")], [link])
    assert Outline(page).tags == Outline(harmless).tags
    assert "script" not in Outline(page).tags
    assert Outline(page).text.count(evil) == 8
    assert Outline(page).hrefs[-1] == evil


def test_the_landing_page_needs_and_allows_nothing_but_itself() -> None:
    with serving() as server:
        answer = ask(server, "/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    page = answer.body.decode()
    assert not re.search(r"(src|href)=[\"']?https?:|@import|url\(|<script| style=", page)


# Clients that misbehave


@pytest.fixture
def many_files() -> None:
    """Room for a thousand connections with both of their ends in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 8192 and soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))


def scrape_seconds(server: WebServer, scrapes: int = 40) -> float:
    """The time of a typical scrape, and the proof that all were answered."""
    times = []
    for _ in range(scrapes):
        watch = Stopwatch()
        assert ask(server, "/metrics").body == b"up 1\n"
        times.append(watch.seconds)
    return statistics.median(times)


@pytest.mark.usefixtures("many_files")
def test_a_thousand_idle_and_half_open_connections_delay_no_scrape() -> None:
    with serving(limits=Limits(max_connections=2000)) as server:
        alone = scrape_seconds(server)
        half = request("/metrics")[:-2]
        with clients(server, 500) as idle, clients(server, 500, half) as half_open:
            crowded = scrape_seconds(server)
            # They were all there, and are.
            assert not any(is_closed(client) for client in [*idle, *half_open])
    # The floor keeps the noise of a fast machine from counting as a ratio.
    assert crowded < 5 * max(alone, 0.005)


@pytest.mark.parametrize(
    "first_bytes",
    [
        pytest.param(b"", id="idle"),
        pytest.param(request("/metrics")[:-2], id="half-open"),
        pytest.param(request("/-/healthy"), id="kept alive"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000, id="head without end"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="HTTP/2 preface"),
        pytest.param(
            request("/-/healthy") + request("/metrics", "Upgrade: h2c", "HTTP2-Settings: "),
            id="h2c later",
        ),
        pytest.param(
            request("/-/healthy") + request("/metrics", "Upgrade: websocket", "Connection: Upgrade",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
            id="websocket later",
        ),
        pytest.param(request("/metrics", "Content-Length: 10"), id="body that never comes"),
    ],
)  # fmt: skip
def test_a_silent_connection_is_closed_after_its_time(first_bytes: bytes) -> None:
    with serving(limits=SHORT) as server, clients(server, 3, first_bytes) as opened:
        eventually(all_closed(opened), what="the connections are closed")
        watch = Stopwatch()
    # Hypercorn has let go of them too: it has nothing to wait for.
    assert watch.seconds < 1.5


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize("name", ["Upgrade", "UPGRADE"])
def test_an_offer_to_switch_protocols_is_ignored(protocol: str, name: str) -> None:
    head = request(
        "/metrics", f"{name}: {protocol}", "Connection: Upgrade, close", "HTTP2-Settings: AAA"
    )
    # In one piece, and cut where it would be easy to miss.
    cut = head.index(b": ", 40) - 3
    with serving() as server, clients(server, 2) as [whole, pieces]:
        whole.sendall(head)
        pieces.sendall(head[:cut])
        assert ask(server, "/-/healthy").status == 200
        pieces.sendall(head[cut:])
        for client in (whole, pieces):
            answer = client.makefile("rb").read()
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"up 1\n")


def test_a_head_that_trickles_in_is_closed_after_its_time() -> None:
    limits = Limits(head_seconds=0.5)
    with serving(limits=limits) as server, clients(server, 1, b"GET / HTTP/1.1\r\nA: ") as [client]:

        def trickle() -> bool:
            with contextlib.suppress(ConnectionError):
                client.sendall(b"x")
            return is_closed(client)

        eventually(trickle, what="the connection is closed")


def test_a_connection_serves_many_scrapes_and_waits_between_them() -> None:
    with serving() as server:
        connection = http.client.HTTPConnection(*server.address, timeout=GENEROUS)
        with contextlib.closing(connection):
            connection.connect()
            before = connection.sock
            for _ in range(10):
                connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip"})
                assert gzip.decompress(connection.getresponse().read()) == b"up 1\n"
            assert connection.sock is before


@pytest.mark.parametrize("first_bytes", [b"", request("/metrics"), request("/metrics")[:-2]])
def test_a_connection_that_its_client_has_closed_is_let_go_of(first_bytes: bytes) -> None:
    limits = Limits(head_seconds=0.5)
    with serving(limits=limits) as server, clients(server, 3, first_bytes) as opened:
        for client in opened:
            client.shutdown(socket.SHUT_WR)
        eventually(all_closed(opened), what="the server's ends are closed")


def test_pipelined_requests_are_answered_in_their_order() -> None:
    with serving() as server, clients(server, 1) as [client]:
        paths = ["/metrics", "/-/healthy", "/nothing"]
        last = request("/-/ready", "Connection: close")
        client.sendall(b"".join(map(request, paths)) + last)
        answers = client.makefile("rb").read()
    bodies = [b"up 1\n", b"Healthy.\n", b"Not found", b"Ready.\n"]
    places = [answers.index(body) for body in bodies]
    assert places == sorted(places)


def deaf(server: WebServer, stack: contextlib.ExitStack) -> socket.socket:
    """A client that asks for the metrics and never reads them."""
    client = stack.enter_context(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(GENEROUS)
    client.connect(server.address)
    client.sendall(request("/metrics"))
    return client


def is_open_at_the_server(client: socket.socket) -> bool:
    """Whether the kernel still has the server's end, found without reading from the client's."""
    # A connection that was aborted by its peer has no peer any more.
    with contextlib.suppress(OSError):
        client.getpeername()
        return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    return False


def test_a_client_that_never_reads_delays_no_other_and_is_dropped() -> None:
    pages = FakePages(body=b"x" * 20_000_000)
    with serving(pages) as server:
        start = time.monotonic()
        ask(server, "/metrics")
        alone = time.monotonic() - start
    # Who reads as fast as the machine lets it must not be taken for one of them.
    limits = Limits(response_seconds=max(1.5, 20 * alone))
    with (
        capture_logs() as logged,
        serving(pages, limits) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [deaf(server, stack) for _ in range(8)]
        assert len(ask(server, "/metrics").body) == 20_000_000
        assert ask(server, "/-/healthy").status == 200
        eventually(
            lambda: not any(map(is_open_at_the_server, opened)),
            timeout=10 + 2 * limits.response_seconds,
            what="the deaf clients are gone",
        )
    assert {line["reason"] for line in logged} == {"the response was not read in time"}
    assert len(logged) <= 6


def test_only_so_many_unread_answers_are_held() -> None:
    pages = FakePages(body=b"x" * 20_000_000)
    limits = Limits(max_sending=3)
    with (
        capture_logs() as logged,
        serving(pages, limits) as server,
        contextlib.ExitStack() as stack,
    ):
        opened = [deaf(server, stack) for _ in range(10)]
        eventually(lambda: sum(map(is_open_at_the_server, opened)) <= 3, what="only three are held")
        assert len(ask(server, "/metrics").body) == 20_000_000
    assert {line["reason"] for line in logged} == {"too many clients do not read their responses"}


def test_a_large_body_ends_the_connection() -> None:
    turn = threading.Event()
    with serving(FakePages(before=lambda: turn.wait(GENEROUS))) as server:
        head = request("/metrics", "Transfer-Encoding: chunked")
        with clients(server, 1, head) as [client]:
            piece = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"

            def refused() -> bool:
                try:
                    client.sendall(piece)
                except ConnectionError:
                    return True
                return False

            eventually(refused, what="the body is refused", interval=0)
        turn.set()
        assert ask(server, "/-/healthy").status == 200


def test_above_the_bound_the_connection_that_waited_longest_goes() -> None:
    with capture_logs() as logged, serving(limits=Limits(max_connections=10)) as server:
        with clients(server, 30) as opened:
            assert ask(server, "/metrics").body == b"up 1\n"
            eventually(lambda: sum(map(is_closed, opened)) == 21, what="21 connections are closed")
            assert all(map(is_closed, opened[:21]))
        assert {line["reason"] for line in logged} == {"too many connections"}


def test_without_file_descriptors_the_server_makes_room() -> None:
    # In a process of its own: the limit would hit the tests as well.
    script = """
import resource, socket, sys
from exporter.web.limiter import ConnectionLimiter
from exporter.web.server import WebServer
class Pages:
    def metrics(self, accept): return "text/plain", [b"up 1\\n"]
    def not_ready(self): return None
    def buses(self): return []
server = WebServer(Pages(), host="127.0.0.1", port=0)
used = len(__import__("os").listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 40, used + 40))
server.start()
print(server.address[1], flush=True)
sys.stdin.read()
server.stop()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=REPOSITORY, env={**os.environ, "PYTHONPATH": "."},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with contextlib.ExitStack() as stack:
            for _ in range(100):
                client = socket.create_connection(("127.0.0.1", port), timeout=GENEROUS)
                stack.enter_context(client)
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GENEROUS)
            with contextlib.closing(connection):
                connection.request("GET", "/metrics")
                assert connection.getresponse().read() == b"up 1\n"
        process.communicate(timeout=GENEROUS)
    assert process.returncode == 0


# Many at once


def test_scrapes_run_at_the_same_time_up_to_the_bound() -> None:
    together = threading.Barrier(3)
    lock = threading.Lock()
    running, most = 0, 0

    def before() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        # Passes only when three scrapes are rendered together.
        together.wait(GENEROUS)
        with lock:
            running -= 1

    pages = FakePages(before=before)
    with serving(pages, Limits(max_scrapes=3)) as server, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: ask(server, "/metrics"), range(12)))
    assert {answer.body for answer in answers} == {b"up 1\n"}
    assert most == 3


def test_probes_and_the_landing_page_do_not_wait_for_scrapes() -> None:
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    with serving(pages, Limits(max_scrapes=2)) as server, clients(server, 5, request("/metrics")):
        eventually(lambda: len(pages.accepts) == 2, what="every turn is taken")
        assert [ask(server, p).status for p in ("/-/healthy", "/-/ready", "/")] == [200] * 3
        assert len(pages.accepts) == 2
        turn.set()


def test_the_scrape_of_a_client_that_has_gone_is_not_rendered() -> None:
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    with serving(pages, Limits(max_scrapes=1)) as server:
        with clients(server, 20, request("/metrics")):
            eventually(lambda: len(pages.accepts) == 1, what="the first scrape begins")
            assert ask(server, "/-/healthy").status == 200
        assert ask(server, "/-/healthy").status == 200
        turn.set()
        assert ask(server, "/metrics").body == b"up 1\n"
    assert len(pages.accepts) == 2


# Start and stop


def test_a_client_that_closes_its_sending_side_still_gets_its_answer() -> None:
    with serving() as server, clients(server, 1, request("/metrics")) as [client]:
        client.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read().endswith(b"up 1\n")


def test_clients_can_connect_from_construction_on() -> None:
    server = WebServer(FakePages(), host="127.0.0.1", port=0)
    with clients(server, 1, request("/metrics", "Connection: close")) as [client]:
        assert not server.is_alive
        server.start()
        assert client.makefile("rb").read().endswith(b"up 1\n")
    server.stop()


def test_a_server_that_was_never_started_leaves_its_port() -> None:
    server = WebServer(FakePages(), host="127.0.0.1", port=0)
    server.stop()
    server.stop()
    WebServer(FakePages(), host="127.0.0.1", port=server.address[1]).stop()


def test_a_server_starts_once() -> None:
    with serving() as server, pytest.raises(RuntimeError, match="started before"):
        server.start()


def test_a_server_that_fails_says_why_and_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise LookupError

    monkeypatch.setattr("exporter.web.server.serve", broken)
    with capture_logs() as logged:
        server = WebServer(FakePages(), host="127.0.0.1", port=0)
        server.start()
        eventually(lambda: not server.is_alive, what="the thread has ended")
        assert refuses(server.address)
        server.stop()
    assert [line["event"] for line in logged] == ["web server failed"]


def test_stop_ends_soon_whatever_the_clients_do() -> None:
    turn = threading.Event()
    slow = FakePages(before=lambda: turn.wait(GENEROUS))
    large = FakePages(body=b"x" * 20_000_000)
    with contextlib.ExitStack() as stack:
        waiting = stack.enter_context(serving(slow))
        sending = stack.enter_context(serving(large))
        opened = [
            *stack.enter_context(clients(waiting, 20)),
            *stack.enter_context(clients(waiting, 20, request("/metrics")[:-2])),
            *stack.enter_context(clients(waiting, 20, request("/metrics"))),
        ]
        for _ in range(5):
            deaf(sending, stack)
        eventually(lambda: len(slow.accepts) == 4, what="scrapes are under way")
        eventually(lambda: len(large.accepts) == 5, what="answers are under way")
        with within(8):
            waiting.stop(4)
            sending.stop(4)
        assert not waiting.is_alive
        assert not sending.is_alive
        assert all(map(is_closed, opened))
        turn.set()
    WebServer(FakePages(), host="127.0.0.1", port=waiting.address[1]).stop()


def test_an_answer_under_way_is_finished_before_the_stop() -> None:
    turn = threading.Event()
    pages = FakePages(before=lambda: turn.wait(GENEROUS))
    with serving(pages) as server, ThreadPoolExecutor(2) as pool:
        answer = pool.submit(ask, server, "/metrics")
        eventually(lambda: pages.accepts, what="the scrape begins")
        stopped = pool.submit(server.stop, GENEROUS)
        eventually(lambda: refuses(server.address), what="no new client is let in")
        turn.set()
        assert answer.result(GENEROUS).body == b"up 1\n"
        stopped.result(GENEROUS)


def refuses(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=GENEROUS).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_port_in_use_is_a_clear_error() -> None:
    with serving() as server:
        host, port = server.address
        with pytest.raises(
            OSError, match=f"cannot listen on {host}:{port}: Address already in use"
        ):
            WebServer(FakePages(), host=host, port=port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("no-such-host.invalid", 0, "cannot listen on no-such-host.invalid:0: "),
        ("192.0.2.1", 0, "cannot listen on 192.0.2.1:0: Cannot assign requested address"),
        ("127.0.0.1", 70000, "cannot listen on 127.0.0.1:70000: no such port"),
        ("2001:db8::1", 1, r"cannot listen on \[2001:db8::1\]:1: "),
    ],
)
def test_an_address_that_cannot_be_had_is_a_clear_error(host: str, port: int, message: str) -> None:
    with pytest.raises(OSError, match=message):
        WebServer(FakePages(), host=host, port=port)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_ipv6_works_and_its_wildcard_takes_ipv4_too() -> None:
    with serving(host="::1") as server:
        assert server.address[0] == "::1"
        assert ask(server, "/metrics").body == b"up 1\n"
    with serving(host="::") as server:
        for host in ("::1", "127.0.0.1"):
            connection = http.client.HTTPConnection(host, server.address[1], timeout=GENEROUS)
            with contextlib.closing(connection):
                connection.request("GET", "/metrics")
                assert connection.getresponse().read() == b"up 1\n"
