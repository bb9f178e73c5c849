"""Who may ask: logins, rates, open health, headers of the rules, and reloads."""

import base64
import contextlib
import http.client
import threading
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from exporter.web.logins import MAX_WAITING
from exporter.web.views import Reloaded
from tests.support import eventually
from tests.web.serving import (
    GENEROUS,
    NOTHING,
    RIGHT,
    USERS,
    WRONG,
    FakeAccess,
    FakePages,
    ask,
    clients,
    request,
    reset,
    serving,
)

PATHS = ("/metrics", "/-/healthy", "/-/ready", "/", "/nothing", "/-/reload", "*")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "BREW"])
@pytest.mark.parametrize("status", [401, 429])
def test_a_refusal_comes_before_everything(
    access: FakeAccess, path: str, method: str, status: int
) -> None:
    access.users, access.rate = (USERS, None) if status == 401 else ({}, NOTHING)
    done: list[int] = []

    def reload() -> Reloaded:
        done.append(1)
        return Reloaded(True, [])

    with serving(access=access, reload=reload) as server:
        answer = ask(server, path, method)
        assert answer.status == status
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert ("retry-after" in answer.headers) == (status == 429)
        assert b"up 1" not in answer.body
        assert not done
        access.rate = None
        assert ask(server, path, method, Authorization=RIGHT).status != status


@pytest.mark.parametrize("path", ["/metrics", "/-/reload", "/nothing"])
def test_a_wrong_password_is_refused(access: FakeAccess, path: str) -> None:
    access.users = USERS
    with serving(access=access) as server:
        assert ask(server, path, Authorization=WRONG).status == 401


def test_a_client_that_has_gone_takes_nobody_s_place(access: FakeAccess) -> None:
    access.users = USERS

    def wrong(number: int) -> str:
        return "Basic " + base64.b64encode(f"right:wrong-{number}".encode()).decode()

    with serving(access=access) as server:
        with contextlib.ExitStack() as stack:
            for number in range(MAX_WAITING + 10):
                [client] = stack.enter_context(clients(server, 1))
                client.sendall(request("/metrics", f"Authorization: {wrong(number)}"))
                stack.callback(reset, client)
        # The server has read what they sent, because it answers this one after them.
        assert ask(server, "/metrics").status == 401
        # If they were still there, too many would wait, and this one would get 429.
        assert ask(server, "/metrics", Authorization=wrong(-1)).status == 401


def test_users_are_asked_for_each_request_of_a_connection(access: FakeAccess) -> None:
    with serving(access=access) as server, clients(server, 1) as [client]:
        for users, status in (({}, 200), (USERS, 401), ({}, 200)):
            access.users = users
            client.sendall(request("/-/healthy"))
            answer = http.client.HTTPResponse(client)
            answer.begin()
            answer.read()
            assert answer.status == status


@pytest.mark.parametrize("reason", [None, "The dataflow has stalled."])
def test_open_health_needs_no_login_and_has_no_details_without_one(
    access: FakeAccess, reason: str | None
) -> None:
    access.users, access.rate = USERS, NOTHING
    pages = FakePages(reason=reason)
    status, without, with_login = (
        (200, b"Ready.\n", b"Ready.\n") if reason is None else (503, b"Not ready.\n", None)
    )
    # Health takes nothing of the rate.
    with serving(pages, access=access, open_health=True) as server:
        for login in ({}, {"Authorization": WRONG}):
            assert ask(server, "/-/healthy", "GET", None, **login).status == 200
            answer = ask(server, "/-/ready", "GET", None, **login)
            assert (answer.status, answer.body) == (status, without)
        answer = ask(server, "/-/ready", Authorization=RIGHT)
        assert answer.body == (with_login or f"{reason}\n".encode())
        for other in ("/metrics", "/", "/-/healthy/", "//-/healthy", "/-/Ready", "/-/reload"):
            assert ask(server, other).status == 401


def test_open_health_has_details_if_there_are_no_users() -> None:
    access = FakeAccess(rate=NOTHING)
    with serving(FakePages(reason="A reason."), access=access, open_health=True) as server:
        assert ask(server, "/-/ready").body == b"A reason.\n"
        assert ask(server, "/metrics").status == 429


@pytest.mark.parametrize("path", ["/metrics", "/", "/-/ready", "/nothing", "*"])
@pytest.mark.parametrize("status", [None, 401, 429])
def test_the_headers_of_the_rules_are_on_every_response(path: str, status: int | None) -> None:
    headers = (
        ("Strict-Transport-Security", "max-age=1"),
        ("Content-Security-Policy", "default-src 'self'"),
        ("X-Content-Type-Options", "other"),
    )
    access = FakeAccess(
        headers=headers,
        users=USERS if status == 401 else {},
        rate=NOTHING if status == 429 else None,
    )

    def fail() -> None:
        raise LookupError

    with serving(FakePages(before=fail), access=access) as server, clients(server, 1) as [client]:
        client.sendall(request(path, "Connection: close"))
        head = client.makefile("rb").read().partition(b"\r\n\r\n")[0].decode().lower()
    lines = head.splitlines()[1:]
    for name, value in headers:
        assert [each for each in lines if each.startswith(name.lower())] == [
            f"{name}: {value}".lower()
        ]


# Reloads


def test_a_reload_answers_with_its_lines() -> None:
    def reload() -> Reloaded:
        asked.append(threading.current_thread().name)
        return changes.pop(0)

    asked: list[str] = []
    changes = [
        Reloaded(True, ["details: agents"]),
        Reloaded(False, ["line 3: no", "nothing changed"]),
    ]
    with serving(reload=reload) as server:
        good, bad = (ask(server, "/-/reload", "POST", body=b"x" * 100) for _ in range(2))
    assert (good.status, good.body) == (200, b"details: agents\n")
    assert (bad.status, bad.body) == (500, b"line 3: no\nnothing changed\n")
    assert "web" not in asked


def test_a_reload_holds_up_nobody_and_another_one_waits() -> None:
    turn = threading.Event()
    begun: list[int] = []

    def reload() -> Reloaded:
        begun.append(1)
        turn.wait(GENEROUS)
        return Reloaded(True, [])

    with (
        serving(reload=reload) as server,
        clients(server, 5, request("/-/reload", "Connection: close", method="POST")) as opened,
    ):
        eventually(lambda: begun, what="a reload begins")
        for path in ("/metrics", "/-/ready", "/-/healthy", "/"):
            assert ask(server, path).status == 200
        assert len(begun) == 1
        turn.set()
        assert all(b" 200 " in client.makefile("rb").readline() for client in opened)
    assert len(begun) == 5


def test_clients_that_have_gone_are_not_waited_for() -> None:
    turn = threading.Event()
    begun: list[int] = []

    def reload() -> Reloaded:
        begun.append(1)
        turn.wait(GENEROUS)
        return Reloaded(True, [])

    asked = request("/-/reload", method="POST")
    with serving(reload=reload) as server:
        with clients(server, 1, asked):
            eventually(lambda: begun, what="a reload begins")
            with clients(server, 50, asked):
                # All have arrived, because this one answers after them.
                assert ask(server, "/-/healthy").status == 200
        turn.set()
        assert ask(server, "/-/reload", "POST").status == 200
    assert len(begun) == 2


def test_without_the_setting_nothing_is_reloaded() -> None:
    with serving() as server:
        assert ask(server, "/-/reload", "POST").status == 403


@pytest.mark.parametrize("reload", [None, lambda: Reloaded(True, [])])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_only_post_reloads(reload: Callable[[], Reloaded] | None, method: str) -> None:
    with serving(reload=reload) as server:
        answer = ask(server, "/-/reload", method)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({"Origin": "http://other.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "http://[broken"}, 403),
        ({"Origin": "http://exporter:1", "Host": "exporter:2"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://exporter", "Host": "exporter"}, 200),
        ({"Origin": "https://Exporter:10495", "Host": "exporter:10495"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({}, 200),
    ],
)
def test_a_page_of_another_site_cannot_reload(headers: dict[str, str], status: int) -> None:
    done: list[int] = []

    def reload() -> Reloaded:
        done.append(1)
        return Reloaded(True, [])

    names = {name.replace("-", "_"): value for name, value in headers.items()}
    with capture_logs() as logged, serving(reload=reload) as server:
        assert ask(server, "/-/reload", "POST", None, **names).status == status
    assert len(done) == (status == 200)
    assert not logged


def test_a_reload_that_fails_is_logged_and_has_no_details() -> None:
    def reload() -> Reloaded:
        raise LookupError("secret")  # noqa: EM101 -- stands for any exception

    with capture_logs() as logged, serving(reload=reload) as server:
        answer = ask(server, "/-/reload", "POST")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert [line["event"] for line in logged] == ["page failed"]
