"""What each page answers."""

import gzip
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.web.serving import FakePages, ask, clients, request, serving


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


@pytest.mark.parametrize(
    "path",
    [
        *("/nothing", "/metrics/", "/-/", "//", "/../etc/passwd", "/http://exporter/metrics"),
        *("http://exporter/nothing", "http://exporter//metrics", "http://exporter/metrics#now"),
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    with serving() as server:
        answer = ask(server, path)
    assert answer.status == 404
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    # Behind a proxy it could be wrong.
    assert b"/" not in answer.body


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("http://exporter/metrics", b"up 1"),
        ("HTTP://exporter:10495/metrics?name[]=up", b"up 1"),
        ("https://[::1]:10495/%6detrics", b"up 1"),
        ("http://user@exporter/-/healthy", b"Healthy."),
        ("http://exporter", b"<!DOCTYPE html>"),
        ("http://exporter/", b"<!DOCTYPE html>"),
        ("http://exporter?x=/metrics", b"<!DOCTYPE html>"),
        ("/%6Detrics", b"up 1"),
    ],
)
def test_a_request_target_may_be_absolute(target: str, body: bytes) -> None:
    # As a proxy or a library may send it: RFC 9112, section 3.2.2.
    with serving() as server:
        answer = ask(server, target)
    assert (answer.status, answer.body.splitlines()[0]) == (200, body)


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("OPTIONS", "*", 405),
        ("CONNECT", "exporter:80", 405),
        ("GET", "*", 400),
        ("GET", "exporter:80", 400),
        ("GET", "metrics", 400),
        ("GET", "%2Fmetrics", 400),
        ("GET", "?x", 400),
        ("GET", "http:///metrics", 400),
        ("GET", "http:/metrics", 400),
        ("GET", "ftp://exporter/metrics", 400),
    ],
)
def test_a_request_target_without_a_path_is_an_error(method: str, target: str, status: int) -> None:
    with serving() as server, clients(server, 1) as [client]:
        client.sendall(request(target, "Connection: close", method=method))
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b"\r\nallow: GET, HEAD\r\n" in answer) is (status == 405)


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
    assert b"uvicorn" not in answer.lower()


@pytest.mark.parametrize("path", ["/metrics", "/-/ready", "/"])
def test_a_failing_page_is_a_500_without_details_and_is_logged_once(path: str) -> None:
    class FailingPages(FakePages):
        def metrics(self, content_type: str) -> Iterator[bytes]:
            raise LookupError(content_type, "secret")

        def not_ready(self) -> str | None:
            raise LookupError("secret")  # noqa: EM101 -- stands for any exception

    with capture_logs() as logged, serving(FailingPages()) as server:
        answers = [ask(server, path) for _ in range(20)]
    assert {answer.status for answer in answers} == {500}
    assert not any(b"secret" in answer.body or b"LookupError" in answer.body for answer in answers)
    [line] = logged
    assert (line["event"], line["log_level"], line["path"]) == ("page failed", "error", path)
    assert isinstance(line["exc_info"], LookupError)
