"""The gate: users and passwords as HTTP carries them, and the rate limit."""

import asyncio
import base64
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from exporter.web import background
from exporter.web.access import Access, read_access
from exporter.web.attempts import Client
from exporter.web.basic_auth import MAX_CREDENTIALS, Credentials, credentials
from exporter.web.bcrypt_hash import is_right
from exporter.web.gate import Gate
from exporter.web.logins import REFUSAL_SECONDS
from exporter.web.rate_limit import RateLimit, TokenBucket
from tests.support import REPOSITORY
from tests.web.virtual_time import run
from tests.web.web_configs import CONFIGS, HASH, PASSWORD, text_of, verdict


def basic(user: str | bytes, password: str | bytes) -> str:
    parts = [each.encode() if isinstance(each, str) else each for each in (user, password)]
    return "Basic " + base64.b64encode(b":".join(parts)).decode()


def virtual(current: Callable[[], Access]) -> Gate:
    """A gate in virtual time; its bcrypt takes no time."""

    async def check(password: bytes, hashed: str, *, is_suspect: bool) -> bool:
        return is_right(password, hashed)

    return Gate(current, check, clock=lambda: asyncio.get_running_loop().time())


ALICE = Access(users={"alice": HASH})


def test_without_users_nobody_needs_a_password() -> None:
    async def main() -> None:
        gate = virtual(Access)
        for header in (None, basic("alice", "x"), "nonsense"):
            assert await gate.refusal(header, Client("192.0.2.1")) is None
            assert await gate.knows(header, Client("192.0.2.1"))

    run(main())


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (basic("alice", PASSWORD), None),
        (basic("alice", PASSWORD).replace("Basic", "bAsIc "), None),
        (basic("alice", "wrong"), 401),
        (basic("alice", ""), 401),
        (basic("bob", PASSWORD), 401),
        (basic("", ""), 401),
        (basic("alice:", PASSWORD), 401),
        (basic("Alice", PASSWORD), 401),
        (basic("alice", PASSWORD + "\0"), 401),
        (basic(b"alice\xff", PASSWORD), 401),
        (basic("alice", b"\xff"), 401),
        (basic("alice", "x" * 5000), 401),
        (None, 401),
        ("", 401),
        ("Basic", 401),
        ("Basic ", 401),
        ("Basic =", 401),
        ("Basic !!!!", 401),
        ("Basic " + base64.b64encode(b"alice").decode(), 401),
        (basic("alice", PASSWORD)[:-1], 401),
        (basic("alice", PASSWORD) + "x y", 401),
        ("Bearer " + basic("alice", PASSWORD), 401),
        ("Digest username=alice", 401),
        ("\x00", 401),
    ],
)
def test_only_the_right_user_with_the_right_password_passes(
    header: str | None, status: int | None
) -> None:
    async def main() -> None:
        gate = virtual(lambda: ALICE)
        assert await gate.refusal(header, Client("192.0.2.1")) == status
        assert await gate.knows(header, Client("192.0.2.1")) == (status is None)

    run(main())


def test_without_credentials_the_answer_comes_at_once_and_with_wrong_ones_later() -> None:
    async def main() -> None:
        clock = asyncio.get_running_loop().time
        gate = virtual(lambda: ALICE)
        for header, seconds in ((None, 0), ("nonsense", 0), (basic("a", "b"), REFUSAL_SECONDS)):
            began = clock()
            assert await gate.refusal(header, Client("192.0.2.1")) == 401
            assert clock() - began == pytest.approx(seconds)

    run(main())


def test_a_refusal_says_how_to_log_in_or_when_to_come_again() -> None:
    async def main() -> None:
        gate = virtual(lambda: Access(rate=RateLimit(7, 1)))
        assert gate.headers(401) == (
            ("WWW-Authenticate", 'Basic realm="xivo-exporter", charset="UTF-8"'),
        )
        assert gate.headers(429) == (("Retry-After", "1"),)
        assert await gate.refusal(None, Client("192.0.2.1")) is None
        assert await gate.refusal(None, Client("192.0.2.1")) == 429
        assert gate.headers(429) == (("Retry-After", "7"),)

    run(main())


def test_users_of_the_file_count_from_its_next_reading() -> None:
    async def main() -> None:
        access = [ALICE]
        gate = virtual(lambda: access[0])
        alice, bob = basic("alice", PASSWORD), basic("bob", PASSWORD)
        assert await gate.refusal(alice, Client("192.0.2.1")) is None
        access[0] = Access(users={"bob": HASH})
        assert await gate.refusal(alice, Client("192.0.2.1")) == 401
        assert await gate.refusal(bob, Client("192.0.2.1")) is None

    run(main())


def test_one_line_tells_of_wrong_passwords_without_what_was_wrong() -> None:
    async def main() -> None:
        gate = virtual(lambda: ALICE)
        with capture_logs() as logs:
            for i in range(20):
                await gate.refusal(basic("mallory", f"guess{i}"), Client("192.0.2.9"))
        assert logs == [
            {"event": "wrong user or password", "client": "192.0.2.9", "log_level": "warning"}
        ]

    run(main())


# --- The rate limit -------------------------------------------------------------------------------


def test_a_burst_passes_and_then_one_request_in_each_interval() -> None:
    async def main() -> None:
        gate = virtual(lambda: Access(rate=RateLimit(2, 3)))

        async def statuses(count: int) -> list[int | None]:
            return [await gate.refusal(None, Client("192.0.2.1")) for _ in range(count)]

        assert await statuses(5) == [None, None, None, 429, 429]
        await asyncio.sleep(1.9)
        assert await statuses(1) == [429]
        await asyncio.sleep(0.2)
        assert await statuses(2) == [None, 429]
        await asyncio.sleep(1000)
        assert await statuses(4) == [None, None, None, 429]

    run(main())


def test_a_burst_of_zero_allows_nothing() -> None:
    async def main() -> None:
        gate = virtual(lambda: Access(rate=RateLimit(1, 0)))
        for _ in range(3):
            assert await gate.refusal(None, Client("192.0.2.1")) == 429
            await asyncio.sleep(100)

    run(main())


def test_a_rate_survives_a_reading_that_does_not_change_it() -> None:
    async def main() -> None:
        rate = [RateLimit(100, 1)]
        gate = virtual(lambda: Access(rate=rate[0]))
        assert await gate.refusal(None, Client("192.0.2.1")) is None
        rate[0] = RateLimit(100, 1)
        assert await gate.refusal(None, Client("192.0.2.1")) == 429
        rate[0] = RateLimit(100, 2)
        assert await gate.refusal(None, Client("192.0.2.1")) is None

    run(main())


def test_wrong_passwords_do_not_use_up_the_rate_and_open_pages_have_none() -> None:
    async def main() -> None:
        gate = virtual(lambda: Access(users=ALICE.users, rate=RateLimit(1000, 1)))
        right = basic("alice", PASSWORD)
        for i in range(5):
            assert await gate.refusal(basic("alice", f"{i}"), Client("192.0.2.1")) == 401
            assert await gate.knows(right, Client("192.0.2.1"))
        assert await gate.refusal(right, Client("192.0.2.1")) is None
        assert await gate.refusal(right, Client("192.0.2.1")) == 429

    run(main())


@given(
    interval=st.sampled_from([0.1, 1.0, 7.0]),
    burst=st.integers(0, 3),
    pauses=st.lists(st.floats(0, 10), max_size=30),
)
def test_a_bucket_allows_no_more_than_its_burst_and_one_in_each_interval(
    interval: float, burst: int, pauses: list[float]
) -> None:
    now = 0.0
    bucket = TokenBucket(RateLimit(interval, burst), lambda: now)
    taken = []
    for pause in pauses:
        now += pause
        if bucket.take():
            taken.append(now)
    for i, begin in enumerate(taken):
        for j, end in enumerate(taken[i:], 1):
            assert j <= burst + (end - begin) / interval + 1e-6


# --- The header -----------------------------------------------------------------------------------


@given(user=st.binary(max_size=20).filter(lambda b: b":" not in b), password=st.binary(max_size=20))
def test_user_and_password_arrive_as_they_were_sent(user: bytes, password: bytes) -> None:
    given = credentials(basic(user, password))
    assert given is not None
    assert given.user.encode("utf-8", "surrogateescape") == user
    assert given.password == password


@given(header=st.text(max_size=60) | st.text(max_size=60).map("Basic {}".format))
@example(header="Basic " + "A" * MAX_CREDENTIALS)
@example(header="Basic QQ==")
def test_any_header_is_read_or_refused(header: str) -> None:
    given = credentials(header)
    assert given is None or isinstance(given, Credentials)


def test_no_representation_shows_a_password_or_a_hash() -> None:
    assert "secret" not in repr(credentials(basic("alice", "secret")))
    assert HASH not in repr(ALICE)


# --- bcrypt itself --------------------------------------------------------------------------------


def test_bcrypt_runs_beside_the_loop_and_after_a_wrong_attempt_at_the_lowest_priority(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int, int]] = []

    def slow(password: bytes, hashed: str) -> bool:
        thread = threading.get_native_id()
        seen.append((thread, os.getpriority(os.PRIO_PROCESS, thread)))
        return is_right(password, hashed)

    monkeypatch.setattr(background, "is_right", slow)

    async def main() -> None:
        gate = Gate(lambda: ALICE)
        assert await gate.refusal(basic("alice", "wrong"), Client("192.0.2.1")) == 401
        assert await gate.refusal(basic("alice", "wrong too"), Client("192.0.2.1")) == 401
        assert await gate.refusal(basic("alice", PASSWORD), Client("192.0.2.2")) is None

    asyncio.run(main())
    assert [priority for _, priority in seen] == [5, 19, 5]
    assert seen[0][0] != threading.get_native_id()
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) < 19


def test_if_bcrypt_panics_nobody_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicError(BaseException):
        pass

    def panic(password: bytes, hashed: str) -> bool:
        raise PanicError

    monkeypatch.setattr(background, "is_right", panic)

    async def main() -> None:
        assert (
            await Gate(lambda: ALICE).refusal(basic("alice", PASSWORD), Client("192.0.2.1")) == 429
        )

    asyncio.run(main())


ENDLESS = f"""
import asyncio
from exporter.web.background import is_right_in_background

async def main():
    task = asyncio.create_task(is_right_in_background(b"x", {HASH.replace("$04$", "$31$")!r}))
    await asyncio.sleep(0.1)
    task.cancel()

asyncio.run(main())
"""


def test_a_check_that_takes_a_day_does_not_keep_the_process_from_ending() -> None:
    subprocess.run([sys.executable, "-c", ENDLESS], cwd=REPOSITORY, check=True, timeout=60)


@pytest.mark.parametrize(("user", "password"), [("carol", "carol123"), ("dave", "dave123")])
def test_users_of_exporter_toolkits_file_log_in(user: str, password: str) -> None:
    access = read_access(REPOSITORY / "tests/web/web_config/web_config_users_noTLS.good.yml")

    async def main() -> None:
        gate = Gate(lambda: access)
        assert await gate.refusal(basic(user, password), Client("192.0.2.1")) is None
        assert await gate.refusal(basic(user, password[:-1]), Client("192.0.2.1")) == 401

    asyncio.run(main())


def test_a_flood_of_wrong_passwords_delays_no_right_login_with_real_bcrypt() -> None:
    # Of the cost 18, which takes many seconds, and of the cost 10.
    access = read_access(REPOSITORY / "tests/web/web_config/web_config_users_noTLS.good.yml")

    async def main() -> None:
        gate = Gate(lambda: access)
        flood = [
            asyncio.create_task(gate.refusal(basic(user, f"guess{i}"), Client("192.0.2.2")))
            for i in range(50)
            for user in ("alice", "bob", "dave", "mallory")
        ]
        await asyncio.sleep(0.1)
        right = basic("dave", "dave123")
        assert await gate.refusal(right, Client("192.0.2.3")) is None
        assert not all(task.done() for task in flood)
        for _ in range(100):
            assert await gate.refusal(right, Client("192.0.2.3")) is None
        for task in flood:
            task.cancel()

    asyncio.run(main())


@given(config=CONFIGS, data=st.data())
def test_nobody_passes_who_should_not(
    config: dict[str, Any], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "gate.yml"
    path.write_text(text_of(config | {"tls_server_config": {}}))
    access, _ = verdict(path)
    if access is None:
        return
    users = config.get("basic_auth_users") or {}
    user = data.draw(st.sampled_from(["alice", "bob", "1", "Zoë", "nobody", ""]))
    password = data.draw(st.sampled_from([PASSWORD, "wrong", "", HASH]))
    header = data.draw(st.sampled_from([None, "Basic", basic(user, password)]))
    is_right_login = header == basic(user, password) and user in users and password == PASSWORD

    async def main() -> None:
        gate = virtual(lambda: access)
        allowed = not users or is_right_login
        assert await gate.knows(header, Client("192.0.2.1")) == allowed
        status = await gate.refusal(header, Client("192.0.2.1"))
        closed = access.rate is not None and access.rate.burst == 0
        assert status == (401 if not allowed else 429 if closed else None)

    run(main())
