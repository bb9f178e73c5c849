"""Whatever bytes a client sends, only requests with the right login get an answer."""

import re
import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.serving import RIGHT, USERS, FakeAccess, FakePages, Served, serving

SECRET = b"secret_of_the_exposition 1\n"
PATHS = ("/metrics", "/", "/-/healthy", "/-/ready", "/-/reload", "/nothing", "*")

_LOGINS = [RIGHT, RIGHT[:-4], "Basic", "Basic ====", "Bearer x", "", "basic " + "A" * 5000]


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    pages = FakePages(body=SECRET, reason="a reason that is secret")
    with serving(pages, access=FakeAccess(users=USERS)) as server:
        yield server


def _spelled(path: str) -> st.SearchStrategy[str]:
    encoded = "".join(f"%{ord(c):02x}" for c in path)
    return st.sampled_from(
        [
            *(path, f"http://h{path}", f"/{path}", f"{path}/", f"{path}?x=1", f"{path}#x"),
            *(encoded, f"/x/..{path}", f"{path}%00", f"{path};x", f"//h{path}", path.upper()),
        ]
    )


_TARGETS = st.one_of(st.sampled_from(PATHS).flatmap(_spelled), st.text(max_size=20))
_METHODS = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "OPTIONS", "CONNECT", "TRACE", "get", "G"]
)
_VERSIONS = st.sampled_from(["HTTP/1.1"] * 5 + ["HTTP/1.0", "HTTP/2.0", "HTTP/0.9", "", "X"])
_HEADERS = st.one_of(
    st.sampled_from(_LOGINS).map(lambda login: f"Authorization: {login}"),
    st.sampled_from(
        [
            *("Host: h", "Host: a, b", "Host:", "Connection: close", "Connection: upgrade"),
            *("Upgrade: h2c", "Upgrade: websocket", "Expect: 100-continue", "Content-Length: 0"),
            *("Content-Length: 5", "Content-Length: -1", "Transfer-Encoding: chunked"),
            *("Transfer-Encoding: identity", " Authorization: x", "Authorization : x", ": x", "x"),
            *("X-Forwarded-For: 127.0.0.1", "X-Original-URL: /metrics", "Range: bytes=0-1"),
        ]
    ),
    st.text(max_size=30),
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Return the bytes of a request, and whether a right login is in them."""
    headers = draw(st.lists(_HEADERS, max_size=5))
    first = f"{draw(_METHODS)} {draw(_TARGETS)} {draw(_VERSIONS)}"
    end = draw(st.sampled_from(["\r\n", "\r\n", "\n", "\r"]))
    body = draw(st.sampled_from(["", "", "hello", "5\r\nhello\r\n0\r\n\r\n", "0\r\n\r\n"]))
    text = end.join([first, *headers, "", ""]) + body
    return text.encode("utf-8", "replace"), RIGHT in text


@given(st.lists(requests(), min_size=1, max_size=3))
def test_no_request_without_the_right_login_gets_anything(
    server: Served, sent: list[tuple[bytes, bool]]
) -> None:
    with socket.create_connection(server.address, timeout=30) as client:
        client.sendall(b"".join(data for data, _ in sent))
        client.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionResetError:
            pass  # What had arrived is judged.
    statuses = [int(each) for each in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]
    logins = sum(is_right for _, is_right in sent)
    # A request may be the body of the one before, but never the other way round.
    open_ones = [each for each in statuses if each not in (100, 400, 401, 431, 501, 505)]
    assert len(open_ones) <= logins, received
    if not logins:
        assert b"secret" not in received
