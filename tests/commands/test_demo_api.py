"""The APIs of the demo, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any, NamedTuple

import pytest

from dataflows.events.agents import AgentsListed
from dataflows.events.queue_members import MembersListed
from dataflows.events.queue_names import QueuesNamed
from dataflows.events.services import ComponentsListed
from dataflows.events.users import PresencesListed
from dataflows.listings import ALL, Listing, Source
from exporter.commands.demo_api import MAX_CONNECTIONS, MAX_TOKENS, DemoApi
from exporter.settings import Generation
from exporter.settings.api_url import STATUS_DAEMONS
from exporter.simulation.simulator import CallCentre, Era
from exporter.snapshots import agentd, amid, confd, status
from exporter.snapshots.bus import MODULES as ALL_MODULES
from exporter.snapshots.client import Client, Server
from exporter.snapshots.credentials import credentials
from exporter.snapshots.source import Request
from tests.support import eventually

START = 1_749_700_000.0
MODULES = (amid.MODULE, agentd.MODULE, confd.MODULE)


class Running(NamedTuple):
    """The APIs of a call centre, which has been open for an hour."""

    api: DemoApi
    centre: CallCentre
    lock: threading.Lock


@pytest.fixture
def running() -> Iterator[Running]:
    centre = CallCentre(agents=12, seed=1, start=START, noise=False)
    list(centre.until(START + 3600))
    lock = threading.Lock()
    with DemoApi() as api, api.serving(centre.apis, lock, 1.0):
        yield Running(api, centre, lock)


@pytest.fixture
def wazo() -> Iterator[Running]:
    centre = CallCentre(agents=12, seed=1, start=START, era=Era.WAZO_26_04, noise=False)
    list(centre.until(START + 3600))
    lock = threading.Lock()
    with DemoApi(Generation.WAZO) as api, api.serving(centre.apis, lock, 1.0):
        yield Running(api, centre, lock)


def password(api: DemoApi) -> str:
    secret = api.settings.api_password
    assert secret is not None
    return secret.get_secret_value()


class Answer(NamedTuple):
    status: int
    content: Any


def address(api: DemoApi) -> tuple[str, int]:
    host, port = api.server_address[:2]
    return str(host), int(port)


def send(
    api: DemoApi, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Answer:
    connection = http.client.HTTPConnection(*address(api), timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, json.loads(answer.read()))
    finally:
        connection.close()


def log_in(api: DemoApi, pair: str | None = None) -> Answer:
    shown = base64.b64encode((pair or f"demo:{password(api)}").encode()).decode()
    return send(api, "POST", "/0.1/token", {"Authorization": f"Basic {shown}"}, b"{}")


def token(api: DemoApi) -> dict[str, str]:
    return {"x-auth-token": log_in(api).content["data"]["token"]}


def test_the_exporter_reads_all_lists_and_leaves_no_token(running: Running) -> None:
    settings = running.api.settings
    server = Server(partial(credentials, settings), services=settings.api_services)

    async def ask() -> tuple[str, list[Listing]]:
        client = Client(server, lambda: START)
        origin, found = await client.origin(), list[Listing]()
        for number, module in enumerate(MODULES):
            request = Request(origin, number, lambda: START)
            found += await module.listings(client.ask(module.source), request)
        await client.close()
        return origin, found

    origin, listings = asyncio.run(ask())
    centre = running.centre
    assert origin == centre.origin_uuid
    by_type = {type(each): each for each in listings}
    members, agents = by_type[MembersListed], by_type[AgentsListed]
    names = by_type[QueuesNamed]
    assert isinstance(members, MembersListed)
    assert isinstance(agents, AgentsListed)
    assert isinstance(names, QueuesNamed)
    assert set(members.queues) == set(centre.queues) == {each.queue for each in names.queues}
    logged_in = {int(agent) for agent, status in agents.agents.items() if status == "logged_in"}
    assert logged_in == centre.agents_logged_in
    assert all(len(log_in(running.api).content) for _ in range(MAX_TOKENS))


def test_the_exporter_reads_all_lists_of_a_wazo(wazo: Running) -> None:
    settings, centre = wazo.api.settings, wazo.centre
    server = Server(partial(credentials, settings), settings.api_url or "")
    modules = [module for module in ALL_MODULES if module.source in settings.api_sources]
    problems: list[str] = []

    async def ask() -> list[Listing]:
        client = Client(server, lambda: START)
        request = Request(await client.origin(), 1, lambda: START, problems.append)
        asked = [*modules, status.module(settings.status_daemons)]
        tasks = [module.listings(client.ask(module.source), request) for module in asked]
        found = await asyncio.gather(*tasks)
        await client.close()
        return [listing for listings in found for listing in listings]

    by_type = {type(each): each for each in asyncio.run(ask())}
    assert not problems
    assert centre.wazo is not None
    users, components = by_type[PresencesListed], by_type[ComponentsListed]
    assert isinstance(users, PresencesListed)
    assert isinstance(components, ComponentsListed)
    assert set(users.users) == set(centre.wazo.people)
    assert set(components.components) == set(STATUS_DAEMONS)
    assert len(by_type) > len(modules)
    assert set(settings.api_sources) == set(ALL) - {Source.CONSUL}


def test_the_settings_name_what_a_xivo_has(running: Running) -> None:
    asked = {Source.AMID, Source.AGENTD, Source.CONFD, Source.STATUS}
    assert set(running.api.settings.api_sources) == asked
    assert password(running.api) not in repr(running.api.settings)
    assert address(running.api)[0] == "127.0.0.1"


def test_each_start_has_another_password() -> None:
    with DemoApi() as one, DemoApi() as other:
        assert password(one) != password(other)


@pytest.mark.parametrize("pair", ["demo:wrong", "demo", ":", "é:é"])
def test_a_wrong_password_is_refused(running: Running, pair: str) -> None:
    assert log_in(running.api, pair).status == 401


@pytest.mark.parametrize("value", ["", "Basic", "Basic é", "Basic !!!", "Bearer x"])
def test_what_is_no_password_is_refused(running: Running, value: str) -> None:
    headers = {"Authorization": value}
    assert send(running.api, "POST", "/0.1/token", headers, b"{}").status == 401


def test_without_a_token_nothing_is_told(running: Running) -> None:
    for headers in ({}, {"X-Auth-Token": ""}, {"X-Auth-Token": "x"}):
        assert send(running.api, "GET", "/1.0/agents", headers) == (
            401,
            {"reason": ["Unauthorized"], "status_code": 401},
        )


def test_a_deleted_token_is_no_longer_valid(running: Running) -> None:
    headers = token(running.api)
    assert send(running.api, "GET", "/1.0/agents?recurse=true", headers).status == 200
    assert send(running.api, "DELETE", f"/0.1/token/{headers['x-auth-token']}").status == 200
    assert send(running.api, "GET", "/1.0/agents", headers).status == 401


def test_there_is_no_chatd(running: Running) -> None:
    assert send(running.api, "GET", "/1.0/users/presences", token(running.api)).status == 404


def test_there_are_as_many_sessions_as_on_a_real_server(running: Running) -> None:
    statuses = [log_in(running.api).status for _ in range(MAX_TOKENS + 1)]
    assert statuses == [*[200] * MAX_TOKENS, 429]


@pytest.mark.parametrize("length", ["1000000", "-1", "x", "²", "9" * 5000])
def test_a_body_without_a_sane_length_is_refused(running: Running, length: str) -> None:
    with socket.create_connection(address(running.api), timeout=10) as client:
        head = f"POST /0.1/token HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
        client.sendall(head.encode())
        assert b" 400 " in client.recv(1000).partition(b"\r\n")[0]


def test_an_answer_waits_while_messages_are_published(running: Running) -> None:
    headers = token(running.api)
    before = running.centre.agents_logged_in
    answers: list[Answer] = []
    asking = threading.Thread(
        target=lambda: answers.append(send(running.api, "GET", "/1.0/agents", headers))
    )
    with running.lock:
        asking.start()
        list(running.centre.until(START + 20 * 3600))
        assert not answers
    asking.join()
    [answer] = answers
    logged_in = {agent["id"] for agent in answer.content if agent["logged"]}
    assert logged_in == running.centre.agents_logged_in != before


def test_silent_clients_take_a_bounded_number_of_places(running: Running) -> None:
    with ExitStack() as silent:
        clients = [
            silent.enter_context(socket.create_connection(address(running.api)))
            for _ in range(MAX_CONNECTIONS + 1)
        ]
        # The last one finds no place.
        clients[-1].settimeout(10)
        with suppress(ConnectionResetError):
            assert clients[-1].recv(1) == b""

    def has_a_place() -> bool:
        try:
            return log_in(running.api).status == 200
        except ConnectionError:
            return False

    eventually(has_a_place, what="there are places again")
