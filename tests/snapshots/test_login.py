"""The token: one for all, kept, renewed and deleted."""

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.settings import BusSettings
from exporter.snapshots.credentials import credentials as configured
from exporter.snapshots.login import RENEW_AFTER, REUSE_FAILURE_SECONDS
from exporter.snapshots.loop import SnapshotLoop
from exporter.snapshots.source import SnapshotError
from tests.snapshots.clients import (
    NOW,
    Timer,
    agents,
    client_of,
    credentials,
    failure,
    members,
    presences,
    run,
)
from tests.snapshots.server import PASSWORD, USER, Apis, body, reply, serving, silent
from tests.support import within

TOKEN = "/auth/0.1/token"
LIFE = 7200
# By the clock of the exporter, for a server that does not tell its own.
IN_AN_HOUR = datetime.fromtimestamp(NOW + 3600, UTC).replace(tzinfo=None).isoformat()


@pytest.fixture
def apis() -> Iterator[Apis]:
    with serving() as running:
        yield running


def test_sources_that_begin_together_share_one_token(apis: Apis) -> None:
    client = client_of(apis)

    async def ask() -> None:
        await asyncio.gather(*(source(client) for source in (agents, presences) * 4))

    run(ask())
    (login,) = apis.heard(TOKEN)
    assert json.loads(login.content) == {"expiration": LIFE}


def test_a_token_is_kept_until_most_of_its_life_is_over(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        for _ in range(10):
            await agents(client)
            timer.now += RENEW_AFTER * LIFE / 10
        assert apis.issued == ["secret-token-0"]
        await agents(client)

    run(ask())
    assert apis.issued == ["secret-token-0", "secret-token-1"]
    # Nobody uses the old one any more.
    assert apis.tokens == {"secret-token-1"}


def test_a_token_that_cannot_be_renewed_is_used_until_its_end(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        await agents(client)
        apis.behaviours[TOKEN] = reply(500)
        timer.now += 0.99 * LIFE
        await agents(client)
        timer.now += 0.01 * LIFE
        with pytest.raises(Exception, match=r"auth failed \(500\)"):
            await agents(client)

    run(ask())


@pytest.mark.parametrize(
    ("keys", "life"),
    [
        ({"utc_expires_at": None}, LIFE),
        ({"utc_expires_at": "tomorrow"}, LIFE),
        ({"utc_expires_at": 17}, LIFE),
        ({"utc_expires_at": "2026-11-25T15:00:00"}, 60),
        ({"utc_expires_at": "2046-11-25T15:00:00"}, 86_400),
        ({"utc_expires_at": "2026-11-25T15:10:00"}, 600),
        ({"utc_expires_at": IN_AN_HOUR, "utc_issued_at": None}, 3600),
    ],
)
def test_a_life_that_cannot_be_true_is_bounded(
    apis: Apis, keys: dict[str, object], life: int
) -> None:
    apis.token_keys = keys
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        await agents(client)
        timer.now += RENEW_AFTER * life - 1
        await agents(client)
        assert len(apis.issued) == 1
        timer.now += 1
        await agents(client)
        assert len(apis.issued) == 2

    run(ask())


def test_the_token_is_deleted_at_the_end(apis: Apis) -> None:
    client = client_of(apis)

    async def ask() -> None:
        await agents(client)
        await client.close()

    run(ask())
    assert not apis.tokens
    (deleted,) = apis.heard(TOKEN, "DELETE")
    assert deleted.path == f"{TOKEN}/secret-token-0"


def test_the_end_does_not_wait_for_a_server_that_does_not_answer(apis: Apis) -> None:
    client = client_of(apis)

    async def ask() -> None:
        await agents(client)
        apis.behaviours[f"{TOKEN}/secret-token-0"] = silent
        await client.close()

    with within(5):
        run(ask())


def test_a_client_that_never_logged_in_ends_without_a_request(apis: Apis) -> None:
    run(client_of(apis).close())
    assert not apis.requests


def test_the_backend_of_xivo_is_tried_once_and_then_remembered(apis: Apis) -> None:
    apis.backend = "xivo_service"
    apis.token_keys = {"metadata": None}
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        await agents(client)
        timer.now += LIFE
        await agents(client)

    run(ask())
    logins = [json.loads(each.content) for each in apis.heard(TOKEN, "POST")]
    named = {"expiration": LIFE, "backend": "xivo_service"}
    assert logins == [{"expiration": LIFE}, named, named]


def test_a_server_that_was_upgraded_is_understood_again(apis: Apis) -> None:
    apis.backend = "xivo_service"
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        await agents(client)
        apis.backend = ""
        timer.now += LIFE
        await agents(client)

    run(ask())


def test_a_wrong_password_is_tried_once_by_all_sources(apis: Apis) -> None:
    timer = Timer()
    passwords = ["wrong", "wrong too"]
    client = client_of(apis, timer, credentials=lambda: (USER, passwords[0]))
    for _ in range(4):
        error = failure(agents(client))
        assert error.outcome is SnapshotOutcome.REFUSED
        assert error.problem == "auth refused: wrong user or password (401)"
    assert len(apis.heard(TOKEN)) == 1
    passwords[0] = PASSWORD
    timer.now += REUSE_FAILURE_SECONDS
    assert run(agents(client)) == body("agentd_agents")


def test_too_many_sessions_are_borne(apis: Apis) -> None:
    apis.behaviours[TOKEN] = reply(429)
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.NOT_READY
    assert error.problem == "auth refused: too many requests or sessions (429)"


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"data": {}}',
        b'{"data": {"token": 3}}',
        b'{"data": {"token": ""}}',
        b'{"data": {"token": "not-to-be-shown\\r\\nX: y"}}',
        b'{"data": {"token": "../../not-to-be-shown"}}',
        b'{"data": {"token": "' + 1000 * b"x" + b'"}}',
        b'{"data": {"token": "secret-token", "xivo_uuid": "a\\nb"}}',
        b'{"data": {"token": "secret-token", "xivo_uuid": "' + 100 * b"x" + b'"}}',
        b'{"data": {"token": "secret-token", "xivo_uuid": 5}}',
        b'{"data": ' * 10_000,
        b'{"data": "\xff"}',
        b'{"data":{"token":"t","utc_issued_at":[' + b"[]," * 400_000 + b"[]]}}",
    ],
)
def test_an_answer_without_a_valid_token_is_malformed(apis: Apis, content: bytes) -> None:
    apis.behaviours[TOKEN] = reply(200, content)
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.MALFORMED
    assert error.problem.startswith("auth sent no valid ")


def test_a_server_may_not_tell_its_origin(apis: Apis) -> None:
    apis.token_keys = {"xivo_uuid": None}
    assert run(client_of(apis).origin()) == ""


def test_credentials_that_cannot_be_read_are_a_refusal_in_the_words_of_the_reader(
    apis: Apis,
) -> None:
    def unreadable() -> tuple[str, str]:
        msg = "the password file is empty"
        raise ValueError(msg)

    def undecodable() -> tuple[str, str]:
        return USER, PASSWORD.encode("utf-16").decode()

    error = failure(members(client_of(apis, credentials=unreadable)))
    assert (error.outcome, error.problem) == (
        SnapshotOutcome.REFUSED,
        "the password file is empty",
    )
    error = failure(members(client_of(apis, credentials=undecodable)))
    assert error.problem == "UnicodeDecodeError"
    assert not apis.requests


def test_a_key_file_logs_in(apis: Apis, tmp_path: Path) -> None:
    path = tmp_path / "key.yml"
    path.write_text(f"{{service_id: {USER}, service_key: {PASSWORD}}}\n")
    bus = BusSettings.model_validate({"api_url": apis.url, "api_key_file": str(path)})
    client = client_of(apis, credentials=partial(configured, bus))
    assert run(agents(client)) == body("agentd_agents")


def test_a_file_that_never_answers_is_a_problem(apis: Apis) -> None:
    never = threading.Event()

    def wait() -> tuple[str, str]:
        never.wait()
        return credentials()

    client = client_of(apis, credentials=wait, seconds=0.2)
    loop = SnapshotLoop()
    try:
        with within(5), pytest.raises(SnapshotError, match="it does not answer"):
            loop.run_until_complete(agents(client))
    finally:
        loop.close()
        never.set()
