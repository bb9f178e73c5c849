"""Each wrong state of the APIs is named, with what to do, and nothing else."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.snapshots.rights import RIGHTS, TENANTS
from tests.certificates import Certificates
from tests.integration.checking import (
    INSTANCE,
    QUICK,
    Checked,
    assert_names,
    check,
    publishing,
    stamped,
)
from tests.program import Exporter
from tests.servers import Broker
from tests.snapshots.server import AGENTS, ORIGIN, PASSWORD, Apis, reply, serving, silent
from tests.snapshots.whole import LINES, QUEUE_STATUS, arguments, tell_all
from tests.support import eventually, free_port

pytestmark = pytest.mark.usefixtures(
    "with_exchange", "no_settings_of_the_developer", "restored_logging"
)

STATUS = {
    f"/{daemon}/{version}/status": (f"{daemon}.status.read", b'{"rest_api": {"status": "ok"}}')
    for daemon, version in (
        *((each, "1.0") for each in ("amid", "agentd", "chatd", "calld", "call-logd")),
        ("confd", "1.1"),
    )
}


@pytest.fixture
def wazo(apis: Apis) -> Iterator[Apis]:
    """The APIs of a Wazo, and a user with all rights; every token must be deleted."""
    apis.contents |= STATUS
    apis.rights |= {right.name for right in RIGHTS}
    yield apis
    assert not apis.tokens


def checked(broker: Broker, apis: Apis, folder: Path, *others: str, **settings: str) -> Checked:
    return check("--bus-url", broker.url(), *QUICK, *arguments(apis, folder, **settings), *others)


def test_a_user_with_all_rights(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    found = checked(broker, wazo, tmp_path)
    assert found.status == 0
    assert not found.named("warning")
    assert {*found.named("good")} >= {f"right {right.name}" for right in RIGHTS}
    # Only the list of amid shows whether Asterisk answers; all others are large.
    lists = [each.path for each in wazo.requests if "status" not in each.path.lower()]
    assert all(path.startswith("/auth/") for path in lists), lists
    assert len(wazo.heard(QUEUE_STATUS)) == 1
    assert len(wazo.issued) == 1
    [login] = wazo.heard("/auth/0.1/token", "POST")
    assert json.loads(login.content)["expiration"] == 120
    assert PASSWORD not in json.dumps(found.document)
    assert wazo.issued[0] not in json.dumps(found.document)


@pytest.mark.parametrize("right", RIGHTS, ids=lambda right: right.name)
def test_a_missing_right(broker: Broker, wazo: Apis, tmp_path: Path, right: object) -> None:
    name = getattr(right, "name", "")
    wazo.rights.discard(name)
    assert_names(checked(broker, wazo, tmp_path), f"right {name}", f"add {name} to the policy")


def test_a_right_is_needed_only_for_what_is_kept(
    broker: Broker, wazo: Apis, tmp_path: Path
) -> None:
    wazo.rights -= {right.name for right in RIGHTS if right.daemon in ("calld", "chatd")}
    found = checked(broker, wazo, tmp_path, "--subsystems", "agents,queues")
    assert found.status == 0
    assert "right agentd.agents.read" in found.named("good")
    assert "right chatd.users.presences.read" not in json.dumps(found.document)


def test_an_unknown_host(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    found = checked(broker, wazo, tmp_path, url="https://no-such-host.invalid/api")
    failed = found.failed
    assert {*failed} == {"name"}
    assert "--api-url" in found.failed["name"]["advice"]


def test_a_closed_port(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    found = checked(broker, wazo, tmp_path, url=f"http://127.0.0.1:{free_port()}")
    assert {*found.failed} == {"TCP"}


def test_an_unknown_authority_and_a_wrong_name(
    broker: Broker, certificates: Certificates, tmp_path: Path
) -> None:
    with serving(certificates) as apis:
        tell_all(apis)
        found = checked(broker, apis, tmp_path)
        assert_names(found, "TLS", "not trusted", "--api-ca-file")
        trusted = {"ca_file": f"{certificates.ca}"}
        found = checked(broker, apis, tmp_path, server_name="pbx.example.com", **trusted)
        assert_names(found, "TLS", "valid for localhost", "--api-server-name")
        assert "login" in checked(broker, apis, tmp_path, **trusted).named("good")


def test_a_wrong_password(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    found = checked(broker, wazo, tmp_path, username="somebody")
    assert_names_of_apis(found, "login", "wrong user or password", "--api-password-file")


def test_a_wrong_path(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    found = checked(broker, wazo, tmp_path, url=f"{wazo.url}/api")
    assert_names_of_apis(found, "login", "--api-url")


def assert_names_of_apis(found: Checked, name: str, *words: str) -> None:
    """Assert the same as `assert_names`, where the bus has a check of this name too."""
    failed = [each for each in found.document["findings"] if each["result"] == "failed"]
    assert [each["check"] for each in failed] == [name]
    assert failed[0]["subject"] == "APIs of bus default"
    assert found.status == 1
    for word in words:
        assert word in f"{failed[0]['detail']} {failed[0]['advice']}"


def test_a_daemon_that_is_down(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    wazo.behaviours["/calld/1.0/status"] = reply(502)
    assert_names(checked(broker, wazo, tmp_path), "calld", "failed (502)", "the daemon runs")


def test_a_component_that_does_not_work(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    broken = b'{"bus_consumer": {"status": "fail"}}'
    wazo.contents["/calld/1.0/status"] = ("calld.status.read", broken)
    found = checked(broker, wazo, tmp_path)
    assert found.status == 0
    assert {*found.named("warning")} == {"calld"}
    assert "bus_consumer" in found.text("calld")


def test_amid_without_asterisk(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    wazo.behaviours[QUEUE_STATUS] = reply(503, b'{"error_id": "ajam-unreachable"}')
    assert_names(checked(broker, wazo, tmp_path), "amid", "cannot reach Asterisk")


def test_a_user_outside_of_the_master_tenant(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    # The token has the right, and amid refuses it.
    wazo.behaviours[QUEUE_STATUS] = reply(401)
    assert_names(checked(broker, wazo, tmp_path), "amid", "create the user again in the master")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_check_that_is_ended_early_deletes_its_token(
    broker: Broker, wazo: Apis, tmp_path: Path, number: signal.Signals
) -> None:
    wazo.behaviours["/calld/1.0/status"] = silent
    program = Exporter(
        tmp_path,
        *("--bus-url", broker.url(), *QUICK, *arguments(wazo, tmp_path)),
        program=(sys.executable, "-m", "exporter", "check"),
    ).start(wait=False)
    try:
        eventually(lambda: wazo.heard("/calld/1.0/status"), what="it waits for calld")
        assert wazo.tokens
        os.kill(program.pid, number)
        assert program.wait() == 1
    finally:
        program.close()
    assert "Traceback" not in program.log()


def test_consul_that_is_away_or_lists_another_server(
    broker: Broker, wazo: Apis, tmp_path: Path
) -> None:
    away = f"consul=http://127.0.0.1:{free_port()}"
    assert {*checked(broker, wazo, tmp_path, services=away).failed} == {"TCP of consul"}
    catalog = "/consul/v1/catalog/services"
    services = {"services": f"consul={wazo.url}/consul"}
    wazo.behaviours[catalog] = reply(200, b'{"xivo-agentd": ["another", "xivo-agentd"]}')
    found = checked(broker, wazo, tmp_path, **services)
    assert_names(found, "consul", "lists no service of this server", "catalogue")
    wazo.behaviours[catalog] = reply(200, f'{{"xivo-agentd": ["{ORIGIN}"]}}'.encode())
    assert checked(broker, wazo, tmp_path, **services).status == 0


def test_a_xivo_is_asked_for_its_lists(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    """It has no tenants, no status, no scopes of today's names, and few daemons."""
    wazo.backend = "xivo_service"
    wazo.behaviours["/auth/0.1/tenants"] = reply(404)
    for path in STATUS:
        wazo.behaviours[path] = reply(404)
    wazo.rights = {"agentd.agents.read", "amid.action.QueueStatus.create"}
    services = ",".join(f"{each}={wazo.url}/{each}" for each in ("auth", "amid", "agentd"))
    given = [each for each in arguments(wazo, tmp_path, services=services) if "api-url" not in each]
    found = check("--bus-url", broker.url(), *QUICK, *given, "--subsystems", "agents,queues")
    assert found.status == 0, found.failed
    assert {"amid", "agentd", "right agentd.agents.read"} <= {*found.named("good")}
    wazo.rights = {"amid.action.QueueStatus.create"}
    found = check("--bus-url", broker.url(), *QUICK, *given, "--subsystems", "agents,queues")
    assert_names(found, "right agentd.agents.read", "add agentd.agents.read")
    wazo.behaviours[AGENTS] = reply(404)
    found = check("--bus-url", broker.url(), *QUICK, *given, "--subsystems", "agents,queues")
    assert_names(found, "agentd", "does not exist there (404)")


def test_an_auth_that_does_not_know_scopes_leaves_it_to_the_daemons(
    broker: Broker, wazo: Apis, tmp_path: Path
) -> None:
    wazo.scopes = False
    assert checked(broker, wazo, tmp_path).status == 0
    wazo.rights.discard("calld.lines.read")
    assert_names(checked(broker, wazo, tmp_path), "right calld.lines.read", "policy")
    assert wazo.heard(LINES)


def test_the_apis_of_another_server(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    given = ("--bus-url", broker.url(), *INSTANCE, "--wait", "10s", *arguments(wazo, tmp_path))
    with publishing(broker, lambda: stamped(origin=ORIGIN)):
        found = check(*given)
    assert found.status == 0
    assert found.text("server").startswith("good")
    with publishing(broker, stamped):
        found = check(*given)
    assert_names(found, "server", ORIGIN, "--api-url")


def test_a_server_that_does_not_tell_its_uuid(broker: Broker, wazo: Apis, tmp_path: Path) -> None:
    wazo.token_keys["xivo_uuid"] = None
    found = checked(broker, wazo, tmp_path)
    assert found.status == 0
    assert found.named("not_tried")["server"]["detail"] == "the server does not tell its UUID"


def test_the_first_right_is_the_one_that_all_lists_need() -> None:
    assert RIGHTS[0] is TENANTS
