"""Whatever an API does, the state stays, events and scrapes are not delayed, and it heals."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.certificates import Certificates, make_certificates
from tests.integration.bus import Wire, chat, connected, publish
from tests.integration.conftest import RunExporter
from tests.integration.snapshots import (
    HURRIED,
    QUEUE,
    STATES,
    all_known,
    drift,
    known,
    of,
    outcomes,
    say,
    series,
)
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.snapshots.server import (
    AGENTS,
    ORIGIN,
    PASSWORD,
    Apis,
    Behaviour,
    Request,
    body,
    endless,
    reply,
    serving,
    silent,
    trickle,
)
from tests.snapshots.whole import (
    PATHS,
    PRESENCES,
    QUEUE_STATUS,
    SOURCES,
    arguments,
    changed,
    tell_all,
    told,
)
from tests.support import eventually, missing, within

pytestmark = pytest.mark.usefixtures("with_exchange")

TOKEN = "/auth/0.1/token"
SECONDS = 1.0
"""In which an event is visible and a scrape answered, while APIs fail; mostly it is far less."""


class Fault(NamedTuple):
    """What an API does, and the outcome that is counted."""

    behaviour: Behaviour
    outcome: str


async def broken_off(request: Request, writer: asyncio.StreamWriter) -> None:
    """Close the connection in place of an answer."""
    writer.transport.abort()


def _error(error_id: str) -> bytes:
    return json.dumps({"error_id": error_id, "message": "no"}).encode()


def _cut_list() -> bytes:
    items = json.loads(body("amid_action_QueueStatus"))
    del items[2]
    return json.dumps(items).encode()


ROUNDS: dict[str, dict[str, Fault]] = {
    "refused": {
        "amid": Fault(reply(401, _error("unauthorized")), "refused"),
        "agentd": Fault(reply(403), "refused"),
        "chatd": Fault(reply(404, b"not here"), "refused"),
        "calld": Fault(reply(401), "refused"),
        "confd": Fault(reply(429), "not_ready"),
    },
    "failed": {
        "amid": Fault(reply(503, _error("ajam-unreachable")), "not_ready"),
        "agentd": Fault(reply(500), "unreachable"),
        "chatd": Fault(reply(503, body("chatd_not_initialized_503")), "not_ready"),
        "calld": Fault(reply(502), "unreachable"),
        "confd": Fault(reply(200, b"<html>log in</html>"), "malformed"),
    },
    "wrong": {
        "amid": Fault(reply(200, body("amid_action_error")), "refused"),
        "agentd": Fault(reply(200, b'[{"id": {}, "logged": "yes"}]'), "malformed"),
        "chatd": Fault(reply(200, b'{"items": 3, "total": 3, "filtered": 3}'), "malformed"),
        "calld": Fault(reply(200, b'{"items": {}}'), "malformed"),
        "confd": Fault(reply(200, b'{"items": [[]], "total": "1"}'), "malformed"),
    },
    "too much": {
        "amid": Fault(reply(200, _cut_list()), "malformed"),
        "agentd": Fault(reply(200, b"[" + b" " * 50_000_000 + b"]"), "malformed"),
        "chatd": Fault(endless, "malformed"),
        "calld": Fault(reply(200, b"[" * 100_000), "malformed"),
        "confd": Fault(reply(200, b"[" * 100_000), "malformed"),
    },
    "silent": {
        "amid": Fault(silent, "unreachable"),
        "agentd": Fault(trickle, "unreachable"),
        "chatd": Fault(broken_off, "unreachable"),
        "calld": Fault(silent, "unreachable"),
        "confd": Fault(reply(302, Location="https://127.0.0.1:1/"), "refused"),
    },
}
"""Each source has another fault at the same time."""


def ask_all(broker: Broker) -> None:
    """Give reasons to ask all APIs, which leave the state complete."""
    for name in ("queue_created", "agent_created", "user_created", "line_created"):
        say(broker, name)


def state(samples: Mapping[Series, float]) -> list[float | None]:
    """Return what APIs tell, and since when it is known."""
    since = "xivo_state_known_since_timestamp_seconds"
    return [
        of(samples, "xivo_agents", status="logged_in"),
        of(samples, "xivo_queue_members", queue=QUEUE, membership="dynamic"),
        of(samples, "xivo_queue_callers_waiting", queue=QUEUE),
        of(samples, "xivo_users", presence="unavailable"),
        of(samples, "xivo_lines", registered="yes"),
        of(samples, "xivo_trunk_calls", trunk="voipms"),
        of(samples, "xivo_calls", direction="inbound", state="up"),
        *(of(samples, since, subsystem=each) for each in STATES),
    ]


def change_silently(apis: Apis) -> dict[tuple[str, str], float]:
    """Change what the APIs tell, without any event; return the drift that this is."""
    changed(apis, AGENTS, lambda agents: agents[2].update(logged=True))
    items = told(apis, QUEUE_STATUS)
    items[2]["Paused"] = "1"
    changed(apis, QUEUE_STATUS, lambda found: found[2].update(items[2]))
    changed(apis, PRESENCES, lambda users: users["items"][1].update(state="available"))
    changed(apis, PRESENCES, lambda users: users["items"][1].update(do_not_disturb=False))
    return {("agents", "changed"): 2, ("queues", "changed"): 1, ("users", "changed"): 1}


def is_as_fast_as_ever(broker: Broker, program: Exporter) -> None:
    """Check that an event is soon visible, and that a scrape is soon answered."""
    metric = "xivo_chat_messages_total"
    before = of(series(program), metric) or 0
    publish(broker, "xivo", [Wire(chat(before, ORIGIN))])
    with within(SECONDS):
        eventually(lambda: of(series(program), metric) == before + 1, interval=0.01, what="a chat")
    with within(SECONDS):
        program.metrics()


def tells_no_secret(program: Exporter) -> None:
    for text in (program.log(), program.metrics(), program.get("/").text):
        assert PASSWORD not in text
        assert "secret-token" not in text


@contextmanager
def faults(
    broker: Broker, program: Exporter, apis: Apis, expected: Mapping[str, str]
) -> Iterator[None]:
    """Check that faults change nothing, and that all heals when the context ends them.

    Args:
        broker: Of the bus.
        program: Knows everything.
        apis: Have the faults.
        expected: The outcome of each source while they have them.
    """
    samples = all_known(program)
    eventually(lambda: outcomes(series(program), "confd"), what="confd has answered")
    before = state(samples)
    will_drift = change_silently(apis)
    ask_all(broker)
    for source, outcome in expected.items():
        eventually(
            lambda s=source, o=outcome: outcomes(series(program), s).get(o),  # type: ignore[misc]  # mypy infers no defaults of a lambda
            what=lambda s=source, o=outcome: f"{o}: {s} {outcomes(series(program), s)}",  # type: ignore[misc]  # as above
        )
        is_as_fast_as_ever(broker, program)
        # On a busy machine, a large answer may also come too late.
        assert {*outcomes(series(program), source)} <= {"ok", "unreachable", outcome}
    samples = series(program)
    assert state(samples) == before
    assert not drift(samples)
    assert program.get("/-/ready").status == 200
    yield
    eventually(
        lambda: drift(series(program)) == will_drift,
        timeout=30,
        what=lambda: f"it heals: {drift(series(program))}",
    )
    for source in SOURCES:
        eventually(
            lambda s=source: outcomes(series(program), s).get("ok", 0) > 1,  # type: ignore[misc]  # as above
            what=f"{source} answers again",
        )
    assert of(series(program), "xivo_agents", status="logged_in") == 3
    tells_no_secret(program)


@pytest.mark.parametrize("name", [*ROUNDS])
def test_faults_of_the_daemons_change_nothing_and_heal(
    broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path, name: str
) -> None:
    program = connected(exporter(broker.url(), *arguments(apis, tmp_path), program=HURRIED))
    all_known(program)
    for source, fault in ROUNDS[name].items():
        apis.behaviours.update(dict.fromkeys(PATHS[source], fault.behaviour))
    with faults(broker, program, apis, {s: f.outcome for s, f in ROUNDS[name].items()}):
        # Of the sources whose problem the page shows, it also says why.
        page = program.get("/").text
        assert all(source in page for source in SOURCES)
        apis.behaviours.clear()
    # A token is a session, of which a user has a hundred.
    assert len(apis.issued) < 6


def test_a_list_of_calld_that_is_refused_leaves_the_others_known(
    broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path
) -> None:
    apis.rights.remove("calld.lines.read")
    program = connected(exporter(broker.url(), *arguments(apis, tmp_path), program=HURRIED))
    expected = {**dict.fromkeys(STATES, 1), "lines": None}
    eventually(lambda: known(series(program)) == expected, what="all but lines is known")
    assert of(series(program), "xivo_trunk_calls", trunk="voipms") == 2
    assert "calld refused: the user lacks calld.lines.read" in program.get("/").text
    apis.rights.add("calld.lines.read")
    say(broker, "line_created")
    all_known(program)


@pytest.mark.parametrize(
    "fault",
    [Fault(reply(429), "not_ready"), Fault(reply(401), "refused"), Fault(silent, "unreachable")],
    ids=["too many sessions", "wrong password", "silent"],
)
def test_faults_of_the_login_change_nothing_and_heal(
    broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path, fault: Fault
) -> None:
    program = connected(exporter(broker.url(), *arguments(apis, tmp_path), program=HURRIED))
    all_known(program)
    apis.behaviours[TOKEN] = fault.behaviour
    apis.tokens.clear()
    with faults(broker, program, apis, dict.fromkeys(SOURCES, fault.outcome)):
        apis.behaviours.clear()


def test_a_token_that_is_revoked_is_replaced_within_the_same_request(
    broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path
) -> None:
    program = connected(exporter(broker.url(), *arguments(apis, tmp_path), program=HURRIED))
    all_known(program)
    apis.tokens.clear()
    will_drift = change_silently(apis)
    ask_all(broker)
    eventually(lambda: drift(series(program)) == will_drift, what="all is answered")
    for source in SOURCES:
        assert {*outcomes(series(program), source)} == {"ok"}
    assert len(apis.issued) == 2


def _swap(to: Path, content: Path) -> None:
    """Write into the same file, as an administrator does who copies a file over another one."""
    to.write_bytes(content.read_bytes())


def test_a_wrong_certificate_changes_nothing_and_heals(
    broker: Broker, exporter: RunExporter, certificates: Certificates, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_certificates(tmp_path / "other")
    _swap(trusted := tmp_path / "ca.pem", certificates.ca)
    with serving(certificates) as apis:
        given = arguments(tell_all(apis), tmp_path, ca_file=f"{trusted}")
        program = connected(exporter(broker.url(), *given, program=HURRIED))
        all_known(program)
        _swap(trusted, other.ca)
        with faults(broker, program, apis, dict.fromkeys(SOURCES, "unreachable")):
            assert "is not trusted" in program.get("/").text
            _swap(trusted, certificates.ca)


_WITH_HOSTS = 'mount --bind "$1" /etc/hosts; shift; exec "$@"'


def test_a_host_name_that_is_gone_changes_nothing_and_heals(
    broker: Broker, exporter: RunExporter, certificates: Certificates, tmp_path: Path
) -> None:
    if os.geteuid() != 0 or shutil.which("unshare") is None:
        missing("unshare, with the right to mount a file,", "run it as root")
    hosts = tmp_path / "hosts"
    local, named = "127.0.0.1 localhost\n", "127.0.0.1 localhost xivo.invalid\n"
    hosts.write_text(named)
    in_place = ("unshare", "--mount", "sh", "-euc", _WITH_HOSTS, "sh", f"{hosts}", *HURRIED)
    with serving(certificates) as apis:
        given = arguments(
            tell_all(apis),
            tmp_path,
            url=f"https://xivo.invalid:{apis.port}",
            ca_file=f"{certificates.ca}",
            server_name="localhost",
        )
        program = connected(exporter(broker.url(), *given, program=in_place))
        all_known(program)
        hosts.write_text(local)
        with faults(broker, program, apis, dict.fromkeys(SOURCES, "unreachable")):
            hosts.write_text(named)
