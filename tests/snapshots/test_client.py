"""What the answers of daemons mean, and how a token is replaced."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from dataflows.listings import Source
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.snapshots.client import Server
from exporter.snapshots.login import MAX_REPLACE_SECONDS, REPLACE_SECONDS
from tests.snapshots.clients import (
    Timer,
    agents,
    client_of,
    credentials,
    failure,
    members,
    presences,
    run,
    status,
)
from tests.snapshots.server import AGENTS, ORIGIN, Apis, Behaviour, Request, body, reply, serving

TENANTS = "/auth/0.1/tenants"
MASTER = "47bfdafc-2897-4369-8fb3-153d41fb835d"


@pytest.fixture
def apis() -> Iterator[Apis]:
    with serving() as running:
        yield running


def test_an_answer_is_returned_as_it_was_sent(apis: Apis) -> None:
    assert run(agents(client_of(apis))) == body("agentd_agents")
    (request,) = apis.heard(AGENTS)
    assert (request.method, request.path) == ("GET", f"{AGENTS}?recurse=true")
    assert request.headers["x-auth-token"] == "secret-token-0"
    assert request.headers["accept-encoding"] == "identity"


def test_an_action_is_posted_with_an_empty_object(apis: Apis) -> None:
    apis.behaviours["/amid/1.0/action/QueueStatus"] = reply(200, b'[{"Response": "Error"}]')
    assert run(members(client_of(apis))) == b'[{"Response": "Error"}]'
    (request,) = apis.heard("/amid")
    assert (request.content, request.headers["content-type"]) == (b"{}", "application/json")


def test_the_server_tells_its_origin(apis: Apis) -> None:
    assert run(client_of(apis).origin()) == ORIGIN


def test_a_daemon_can_have_a_url_of_its_own(apis: Apis) -> None:
    services = {name: f"{apis.url}/{name}/" for name in ("auth", "agentd")}
    client = client_of(apis, api_url="", services=services)
    assert run(agents(client)) == body("agentd_agents")


def test_a_source_can_ask_another_daemon(apis: Apis) -> None:
    apis.behaviours["/calld/1.0/status"] = reply(403)
    error = failure(status(client_of(apis), "calld"))
    assert (error.daemon, error.status) == ("calld", 403)
    assert error.problem == "calld refused: the user lacks calld.status.read"


def test_a_daemon_never_has_two_requests_at_once(apis: Apis) -> None:
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        daemon = request.path.split("/")[1]
        now[daemon] += 1
        most[daemon] = max(most[daemon], now[daemon])
        most["all"] = max(most["all"], now.total())
        await asyncio.sleep(0.2)
        now[daemon] -= 1
        await reply(200, b"{}")(request, writer)

    daemons = ("amid", "agentd", "chatd")
    apis.behaviours["/amid/1.0/action/QueueStatus"] = slow
    for daemon in daemons:
        apis.behaviours[f"/{daemon}/1.0/status"] = slow
    client = client_of(apis)

    async def ask_all() -> None:
        await client.origin()
        each = (status(client, daemon) for daemon in daemons)
        await asyncio.gather(members(client), members(client), *each)

    run(ask_all())
    assert {most[daemon] for daemon in daemons} == {1}
    # But a slow daemon does not keep the others waiting.
    assert most["all"] > 1


def test_consul_gets_no_token_and_has_no_url_below_the_base(apis: Apis) -> None:
    assert Server(credentials, apis.url).url("consul") == ""
    client = client_of(apis, services={"consul": f"{apis.url}/consul"})
    path = "/consul/v1/catalog/services"
    apis.behaviours[path] = reply(200, b"{}")
    assert run(client.ask(Source.CONSUL)("GET", "/v1/catalog/services", right="")) == b"{}"
    (request,) = apis.requests
    assert "x-auth-token" not in request.headers
    apis.behaviours[path] = reply(403, b"Permission denied")
    error = failure(client.ask(Source.CONSUL)("GET", "/v1/catalog/services", right=""))
    assert error.problem == "consul refused the request (403)"


def test_an_own_url_comes_before_the_common_one(apis: Apis) -> None:
    with serving() as other:
        other.tokens.add("secret-token-0")
        client = client_of(apis, services={"agentd": f"{other.url}/agentd"})
        run(agents(client))
        assert not apis.heard(AGENTS)
        assert other.heard(AGENTS)


@pytest.mark.parametrize(
    ("status", "content", "outcome", "problem"),
    [
        (404, b"", SnapshotOutcome.REFUSED, "agentd does not exist there (404): check --api-url"),
        (400, b"{}", SnapshotOutcome.REFUSED, "agentd refused the request (400)"),
        (429, b"{}", SnapshotOutcome.NOT_READY, "agentd refused: too many requests or sessions"),
        (500, b"{}", SnapshotOutcome.UNREACHABLE, "agentd failed (500)"),
        (502, b"<html>", SnapshotOutcome.UNREACHABLE, "agentd failed (502)"),
        (503, b"<html>", SnapshotOutcome.NOT_READY, "agentd is not ready (503)"),
        (503, b"[" * 60_000, SnapshotOutcome.NOT_READY, "agentd is not ready (503)"),
        (503, b'{"error_id": 3}', SnapshotOutcome.NOT_READY, "agentd is not ready (503)"),
        (
            503,
            b'{"error_id": "ajam-unreachable"}',
            SnapshotOutcome.NOT_READY,
            "agentd cannot reach Asterisk",
        ),
        (200, b"<html>log in", SnapshotOutcome.MALFORMED, "agentd answers without JSON"),
        (204, b"", SnapshotOutcome.MALFORMED, "agentd answers without JSON"),
    ],
)
def test_an_answer_that_is_no_success_is_explained(
    apis: Apis, status: int, content: bytes, outcome: SnapshotOutcome, problem: str
) -> None:
    apis.behaviours[AGENTS] = reply(status, content)
    error = failure(agents(client_of(apis)))
    assert error.outcome is outcome
    assert error.problem.startswith(problem)


def test_a_daemon_that_starts_is_not_ready(apis: Apis) -> None:
    content = body("chatd_not_initialized_503")
    apis.behaviours["/chatd/1.0/users/presences"] = reply(503, content)
    error = failure(presences(client_of(apis)))
    assert error.outcome is SnapshotOutcome.NOT_READY
    assert error.problem == "chatd is not initialized yet"


def test_a_redirect_to_another_host_is_not_followed(apis: Apis) -> None:
    with serving() as other:
        apis.behaviours[AGENTS] = reply(307, Location=f"{other.url}{AGENTS}")
        error = failure(agents(client_of(apis)))
        assert error.outcome is SnapshotOutcome.REFUSED
        assert error.problem.startswith("agentd redirects to another host")
        assert not other.requests


@pytest.mark.parametrize("target", ["/elsewhere", "", "http://["])
def test_no_redirect_is_followed(apis: Apis, target: str) -> None:
    apis.behaviours[AGENTS] = reply(302, Location=target)
    error = failure(agents(client_of(apis)))
    assert error.problem.startswith("agentd redirects")
    assert len(apis.heard("/")) == len(apis.heard("/auth")) + 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_right_that_is_missing_is_named(apis: Apis, status: int) -> None:
    apis.behaviours[AGENTS] = reply(status)
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.REFUSED
    assert error.problem == "agentd refused: the user lacks agentd.agents.read"


def test_an_action_is_refused_also_outside_of_the_master_tenant(apis: Apis) -> None:
    apis.behaviours["/amid/1.0/action/QueueStatus"] = reply(401)
    assert failure(members(client_of(apis))).problem == (
        "amid refused: the user lacks amid.action.QueueStatus.create, or is not in the master "
        "tenant"
    )


def test_a_token_that_was_revoked_is_replaced_at_once(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)

    async def ask_twice() -> bytes:
        await agents(client)
        apis.tokens.clear()
        timer.now += REPLACE_SECONDS
        return await agents(client)

    assert run(ask_twice()) == body("agentd_agents")
    assert apis.issued == ["secret-token-0", "secret-token-1"]


def test_a_new_token_that_is_refused_is_not_replaced(apis: Apis) -> None:
    apis.rights.remove("agentd.agents.read")
    failure(agents(client_of(apis)))
    assert len(apis.issued) == 1


def test_a_missing_right_takes_ever_fewer_tokens_and_heals(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)
    apis.rights.remove("agentd.agents.read")

    async def ask_for_an_hour() -> None:
        for _ in range(60):
            with pytest.raises(Exception, match=r"lacks agentd\.agents\.read"):
                await agents(client)
            timer.now += 60
        assert len(apis.issued) <= 3600 / MAX_REPLACE_SECONDS + 6
        apis.rights.add("agentd.agents.read")
        await agents(client)

    run(ask_for_an_hour())
    # All but the one in use are deleted.
    assert len(apis.tokens) == 1


def test_a_source_without_a_right_does_not_keep_others_from_a_new_token(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)
    apis.rights.remove("agentd.agents.read")

    async def ask() -> None:
        for _ in range(5):
            with pytest.raises(Exception, match=r"lacks agentd\.agents\.read"):
                await agents(client)
            await presences(client)
            timer.now += REPLACE_SECONDS
        apis.tokens.clear()
        await presences(client)

    run(ask())


def test_sources_that_are_refused_together_share_one_new_token(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        await agents(client)
        apis.tokens.clear()
        timer.now += REPLACE_SECONDS
        await asyncio.gather(*(source(client) for source in (agents, presences) * 4))

    run(ask())
    assert len(apis.issued) == 2


def test_a_user_that_cannot_see_tenants_gets_only_a_part(apis: Apis) -> None:
    apis.rights.remove("auth.tenants.read")
    client = client_of(apis)
    for source in (agents, presences):
        error = failure(source(client))
        assert error.outcome is SnapshotOutcome.REFUSED
        assert error.problem == (
            "auth refused: the user lacks auth.tenants.read, so the APIs leave out all other "
            "tenants"
        )
    assert not apis.heard(AGENTS)


def test_a_user_of_another_tenant_gets_only_a_part(apis: Apis) -> None:
    item = {"uuid": "2c34c282-433e-4bb8-8d56-fec14ff7e1e9", "parent_uuid": MASTER}
    apis.behaviours[TENANTS] = reply(200, json.dumps({"items": [item]}).encode())
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.REFUSED
    assert error.problem.startswith("the user is not in the master tenant")


def test_actions_need_no_tenants(apis: Apis) -> None:
    apis.rights.remove("auth.tenants.read")
    apis.behaviours["/amid/1.0/action/QueueStatus"] = reply(200, b"[]")
    assert run(members(client_of(apis))) == b"[]"


@pytest.mark.parametrize("behaviour", [reply(404), reply(404, b"")])
def test_a_server_without_tenants_has_only_one(apis: Apis, behaviour: Behaviour) -> None:
    apis.behaviours[TENANTS] = behaviour
    assert run(agents(client_of(apis))) == body("agentd_agents")


@pytest.mark.parametrize("content", [b"{}", b'{"items": 3}', b'[{"uuid": 1}]', b"[" * 50_000])
def test_a_list_of_tenants_that_is_not_valid_is_malformed(apis: Apis, content: bytes) -> None:
    apis.behaviours[TENANTS] = reply(200, content)
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.MALFORMED
    assert error.problem == "auth sent no valid list of tenants"


def test_a_list_of_tenants_is_bounded(apis: Apis) -> None:
    apis.behaviours[TENANTS] = reply(200, b'{"items":[' + b"{}," * 400_000 + b"{}]}")
    error = failure(agents(client_of(apis)))
    assert error.outcome is SnapshotOutcome.MALFORMED
    assert error.problem == "the list of tenants of auth is too long"


def test_tenants_are_asked_for_once_for_each_token(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)

    async def ask() -> None:
        for _ in range(5):
            await asyncio.gather(agents(client), presences(client))
        timer.now += apis.life
        await asyncio.gather(agents(client), presences(client))

    run(ask())
    assert len(apis.heard(TENANTS)) == len(apis.issued) == 2


def test_a_request_can_be_about_a_tenant(apis: Apis) -> None:
    apis.behaviours["/calld/1.0/lines"] = reply(200, body("calld_lines"))
    ask = client_of(apis).ask(Source.CALLD)

    async def ask_twice() -> bytes:
        await ask("GET", "/1.0/lines", right="calld.lines.read", tenant=MASTER)
        return await ask("GET", "/1.0/lines", right="calld.lines.read")

    assert run(ask_twice()) == body("calld_lines")
    first, second = apis.heard("/calld")
    assert first.headers["wazo-tenant"] == MASTER
    assert "wazo-tenant" not in second.headers
    # It asks for the tenants itself, each time.
    assert not apis.heard(TENANTS)


def test_a_request_about_a_tenant_is_sent_again_with_another_token(apis: Apis) -> None:
    timer = Timer()
    client = client_of(apis, timer)
    apis.behaviours["/calld/1.0/lines"] = reply(401)

    async def ask() -> bytes:
        await client.origin()
        timer.now += REPLACE_SECONDS
        ask = client.ask(Source.CALLD)
        return await ask("GET", "/1.0/lines", right="calld.lines.read", tenant=MASTER)

    failure(ask())
    assert [each.headers["wazo-tenant"] for each in apis.heard("/calld")] == [MASTER, MASTER]


def test_all_tenants_are_told_each_time(apis: Apis) -> None:
    ask = client_of(apis).ask(Source.CALLD)

    async def ask_twice() -> tuple[str, ...]:
        await ask.tenants()
        return await ask.tenants()

    assert run(ask_twice()) == (MASTER, "2c34c282-433e-4bb8-8d56-fec14ff7e1e9")
    assert len(apis.heard(TENANTS)) == 2


def test_a_server_without_tenants_is_asked_without_one(apis: Apis) -> None:
    apis.behaviours[TENANTS] = reply(404)
    assert run(client_of(apis).tenants()) == ("",)


def test_a_user_that_cannot_see_tenants_gets_no_part(apis: Apis) -> None:
    apis.rights.remove("auth.tenants.read")
    error = failure(client_of(apis).tenants())
    assert error.outcome is SnapshotOutcome.REFUSED
    assert "auth.tenants.read" in error.problem


@pytest.mark.parametrize("uuid", ["", "a\r\nX-Other: b", "é", "a" * 65, "a b"])
def test_a_tenant_that_cannot_be_a_header_is_malformed(apis: Apis, uuid: str) -> None:
    items = [{"uuid": MASTER, "parent_uuid": MASTER}, {"uuid": uuid, "parent_uuid": MASTER}]
    apis.behaviours[TENANTS] = reply(200, json.dumps({"items": items}).encode())
    error = failure(client_of(apis).tenants())
    assert error.problem == "auth sent no valid list of tenants"
