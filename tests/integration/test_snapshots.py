"""The real program asks real APIs for the state, and follows the events of a real RabbitMQ."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.integration.bus import INBOX, Wire, chat, connected, own, publish
from tests.integration.conftest import RunExporter
from tests.integration.hurried import SHORTEST
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
from tests.program import PROGRAM, Exporter, Series
from tests.servers import Broker
from tests.snapshots.server import AGENTS, USER, Apis, serving
from tests.snapshots.whole import (
    PRESENCES,
    QUEUE_STATUS,
    QUEUES,
    SOURCES,
    arguments,
    changed,
    tell_all,
)
from tests.support import eventually, free_port

EXCHANGES = [("xivo", "topic"), ("wazo-headers", "headers")]
OTHER = "6a1f0a3e-7f0b-4b0e-9d52-0d5b4c7e1a11"
TENANT = "2c34c282-433e-4bb8-8d56-fec14ff7e1e9"


class Run(Protocol):
    """Runs the exporter with the APIs, and waits until it is connected."""

    def __call__(self, *further: str, program: Sequence[str] = HURRIED) -> Exporter: ...


@pytest.fixture
def run(broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path) -> Run:
    def start(*further: str, program: Sequence[str] = HURRIED) -> Exporter:
        given = (*arguments(apis, tmp_path), "--instance", "i", *further)
        return connected(exporter(broker.url(), *given, program=program))

    return start


def members(apis: Apis, change: Callable[[dict[str, dict[str, Any]]], object]) -> None:
    """Change the members of the queue, by their location, without an event."""

    def reload(items: list[dict[str, Any]]) -> None:
        found = {item["Location"]: item for item in items if item.get("Event") == "QueueMember"}
        change(found)
        rest = [item for item in items if item.get("Event") != "QueueMember"]
        items[:] = [*rest[:2], *found.values(), *rest[2:]]
        items[-1]["ListItems"] = str(len(items) - 2)

    changed(apis, QUEUE_STATUS, reload)


def add(location: str) -> Callable[[dict[str, dict[str, Any]]], object]:
    def change(found: dict[str, dict[str, Any]]) -> None:
        first = next(iter(found.values()))
        found[location] = {**first, "Location": location, "Name": location, "Paused": "0"}

    return change


def members_of(samples: dict[Series, float]) -> float | None:
    return of(samples, "xivo_queue_members", queue=QUEUE, membership="dynamic")


@pytest.mark.parametrize(("exchange", "kind"), EXCHANGES, ids=["topic", "headers"])
def test_the_state_is_complete_before_the_first_event(
    broker: Broker, run: Run, exchange: str, kind: str
) -> None:
    broker.declare_exchange(exchange, kind)
    # At the pace of the real program.
    samples = all_known(program := run("--exchange", exchange, program=PROGRAM))
    named = {"queue": QUEUE, "kind": "queue", "display_name": "Support", "tenant_uuid": TENANT}
    eventually(lambda: of(series(program), "xivo_queue_info", **named) == 1, what="names")
    assert own(samples, "deliveries_total") == 0
    assert of(samples, "xivo_origin_info", bus="default", server="default") == 1
    assert of(samples, "xivo_agents", status="logged_in") == 2
    assert of(samples, "xivo_agents", status="logged_out") == 1
    assert of(samples, "xivo_agents_by_activity", activity="paused") == 1
    assert of(samples, "xivo_agents_by_activity", activity="available") == 1
    assert members_of(samples) == 2
    assert of(samples, "xivo_queue_members_paused", queue=QUEUE) == 1
    assert of(samples, "xivo_queue_members_available", queue=QUEUE) == 1
    assert of(samples, "xivo_queue_callers_waiting", queue=QUEUE) == 1
    assert of(samples, "xivo_queue_service_level_threshold_seconds", queue=QUEUE) == 20
    assert of(samples, "xivo_users", presence="available") == 1
    assert of(samples, "xivo_users", presence="unavailable") == 1
    # What was so before is no event.
    assert of(samples, "xivo_agent_logins_total") == 0
    assert of(samples, "xivo_queue_calls_joined_total", queue=QUEUE) == 0
    assert not drift(samples)
    say(broker, "agent_status_update", exchange=exchange, agent_id=42, status="logged_out")
    eventually(lambda: of(series(program), "xivo_agent_logouts_total") == 1, what="the event")
    assert of(series(program), "xivo_agents", status="logged_in") == 1


@pytest.mark.usefixtures("with_exchange")
@pytest.mark.parametrize(
    ("kept", "paths"),
    [
        (
            ("calls", "agents", "endpoints"),
            ("/calld/1.0/calls", "/agentd/1.0/agents", QUEUE_STATUS),
        ),
        (("switchboards",), ("/confd/1.1/switchboards", "/calld/1.0/switchboards")),
        (("faxes", "voicemail"), ()),
    ],
    ids=",".join,
)
def test_only_what_the_kept_subsystems_need_is_asked(
    broker: Broker, run: Run, apis: Apis, kept: tuple[str, ...], paths: tuple[str, ...]
) -> None:
    program = run("--subsystems", ",".join(kept))
    expected = {name: 1 if name in kept else None for name in STATES}
    eventually(
        lambda: known(series(program)) == expected,
        what=lambda: f"it is complete: {known(series(program))}",
    )
    # Reasons to ask; the second one only where an API of it is asked.
    say(broker, "Reload")
    say(broker, "agent_edited")
    eventually(lambda: len(apis.requests) > len(paths) or not paths, what="it is asked again")
    asked_for = [each.path for each in apis.requests if not each.path.startswith("/auth/")]
    assert {path for path in paths if apis.heard(path)} == {*paths}
    assert [each for each in asked_for if not each.startswith(paths)] == []
    # Without anything to ask for, there is no login.
    assert bool(apis.requests) is bool(paths)
    page = program.get("/").body.decode()
    listed = {name for name in STATES if f">{name}<" in page}
    assert listed == {*kept}.intersection(STATES)
    shown = {dict(labels).get("subsystem") for _, labels in series(program)}
    assert shown - {None} == {*kept}


@pytest.mark.usefixtures("with_exchange")
def test_what_changes_without_an_event_is_repaired_and_counted(
    broker: Broker, run: Run, apis: Apis
) -> None:
    program = run()
    since = [
        of(all_known(program), "xivo_state_known_since_timestamp_seconds", subsystem=each)
        for each in STATES
    ]
    members(apis, lambda found: found["Local/id-43@agentcallback"].update(Paused="0"))
    members(apis, add("PJSIP/new"))
    changed(apis, AGENTS, lambda agents: agents[2].update(logged=True))
    changed(apis, PRESENCES, lambda users: users["items"].pop())
    changed(apis, PRESENCES, lambda users: users.update(total=1, filtered=1))
    # Reasons to ask sooner than after the interval.
    for name in ("queue_created", "agent_edited", "user_created"):
        say(broker, name)
    expected = {
        ("agents", "changed"): 2,
        ("queues", "changed"): 1,
        ("queues", "added"): 1,
        ("users", "removed"): 1,
    }
    eventually(lambda: drift(series(program)) == expected, what=lambda: f"{drift(series(program))}")
    samples = series(program)
    assert of(samples, "xivo_agents", status="logged_in") == 3
    assert of(samples, "xivo_agents_by_activity", activity="paused") == 0
    assert members_of(samples) == 3
    assert of(samples, "xivo_queue_members_paused", queue=QUEUE) == 0
    assert of(samples, "xivo_users", presence="unavailable") == 0
    # Counters of events have not moved, and the state was always known.
    assert of(samples, "xivo_agent_logins_total") == 0
    for change in ("added", "unpaused"):
        assert of(samples, "xivo_queue_member_changes_total", queue=QUEUE, change=change) == 0
    assert since == [
        of(samples, "xivo_state_known_since_timestamp_seconds", subsystem=each) for each in STATES
    ]


@pytest.mark.usefixtures("with_exchange")
def test_a_gap_heals_to_the_truth(broker: Broker, run: Run, apis: Apis) -> None:
    all_known(program := run())
    with broker.channel() as channel:
        channel.exchange_delete("xivo")
    eventually(lambda: set(known(series(program)).values()) == {0}, what="nothing is known")
    broker.delete_queue(INBOX)
    # Meanwhile all this happens, and nobody hears of it.
    members(apis, add("PJSIP/new"))
    changed(apis, AGENTS, lambda agents: agents[0].update(logged=False))
    assert members_of(series(program)) == 2
    broker.declare_exchange("xivo")
    connected(program, times=2)
    samples = all_known(program)
    assert own(samples, "bus_gaps_total") == 1
    assert (members_of(samples), of(samples, "xivo_agents", status="logged_in")) == (3, 1)
    # The exporter had said that it did not know.
    assert not drift(samples)


def asked(apis: Apis) -> dict[str, int]:
    """Return how often each source was asked."""
    return {source: len(apis.heard(path)) for source, path in SOURCES.items()}


def let_time_pass(broker: Broker, apis: Apis) -> None:
    """Wait until each API could have been asked once more; meanwhile, chatd is asked twice."""
    for _ in range(2):
        before = asked(apis)["chatd"]
        say(broker, "user_created")
        eventually(lambda n=before: asked(apis)["chatd"] > n, what="chatd is asked")  # type: ignore[misc]  # mypy infers no default of a lambda


@pytest.mark.usefixtures("with_exchange")
@pytest.mark.parametrize(
    ("reason", "sources"),
    [
        (("FullyBooted", 1), {"amid", "agentd", "chatd", "calld", "confd"}),
        (("Reload", 1), {"amid", "agentd", "chatd", "calld", "confd"}),
        (("queue_created", 1), {"amid", "confd"}),
        (("queue_created", 20), {"amid", "confd"}),
    ],
)
def test_what_changes_without_further_events_is_a_reason_to_ask_once(
    broker: Broker, run: Run, apis: Apis, reason: tuple[str, int], sources: set[str]
) -> None:
    name, times = reason
    all_known(program := run())
    eventually(lambda: outcomes(series(program), "confd"), what="confd has answered")
    before = asked(apis)
    say(broker, name, times=times)
    expected = {each: count + (each in sources) for each, count in before.items()}
    eventually(lambda: asked(apis) == expected, what=lambda: f"{expected}: {asked(apis)}")
    let_time_pass(broker, apis)
    assert asked(apis) == {**expected, "chatd": expected["chatd"] + 2}
    all_known(program)


@pytest.mark.usefixtures("with_exchange")
def test_many_reasons_do_not_make_it_ask_more_often_than_it_may(
    broker: Broker, run: Run, apis: Apis
) -> None:
    program = run()
    end = time.monotonic() + 4 * SHORTEST
    while time.monotonic() < end or asked(apis)["amid"] < 4:
        assert time.monotonic() < end + 60
        say(broker, "queue_created")
        time.sleep(0.05)
    for path in (QUEUE_STATUS, QUEUES):
        times = [request.at for request in apis.heard(path)]
        # The first one may have been on its way for a while.
        assert times[-1] - times[0] > (len(times) - 1) * SHORTEST - 0.5
    all_known(program)


@pytest.mark.usefixtures("with_exchange")
def test_a_restart_with_a_store_asks_again_and_finds_no_drift(
    run: Run, apis: Apis, tmp_path: Path
) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    all_known(program := run(*state))
    assert len(apis.issued) == len(apis.tokens) == 1
    assert program.terminate() == 0
    assert not apis.tokens
    assert len(apis.heard("/auth/0.1/token/", "DELETE")) == 1
    program.start()
    for source in SOURCES:
        eventually(lambda s=source: outcomes(series(program), s) == {"ok": 1}, what=source)  # type: ignore[misc]  # as above
    samples = all_known(program)
    assert not drift(samples)
    assert (members_of(samples), of(samples, "xivo_agents", status="logged_in")) == (2, 2)
    # What changed while it did not run, without any event, is an error that nobody had noticed.
    program.terminate()
    members(apis, add("PJSIP/new"))
    program.start()
    eventually(lambda: drift(series(program)) == {("queues", "added"): 1}, what="it is repaired")
    assert len(apis.issued) == 3
    assert program.terminate() == 0
    assert not apis.tokens


@pytest.mark.usefixtures("with_exchange")
def test_a_server_of_which_only_its_apis_tell_is_shown(broker: Broker, run: Run) -> None:
    all_known(program := run())
    # Another one publishes. Only after ten minutes, the first one is not believed any more.
    publish(broker, "xivo", [Wire(chat())])
    eventually(lambda: own(series(program), "used_total") == 1, what="the event")
    assert set(known(series(program)).values()) == {1}


@pytest.mark.usefixtures("with_exchange")
def test_in_a_cluster_the_state_is_known_wherever_it_lives(
    broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path
) -> None:
    addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(2))
    common = (*arguments(apis, tmp_path), "--instance", "i", "--addresses", addresses)
    common += ("--state-dir", str(tmp_path / "state"))
    processes = [
        exporter(broker.url(), *common, "--process-id", f"{n}", wait=False, program=HURRIED)
        for n in range(2)
    ]

    def ready() -> None:
        for each in processes:
            eventually(lambda p=each: p.logged("listening"), timeout=30, what="it listens")  # type: ignore[misc]  # as above

    ready()
    all_known(processes)
    # One of them reads the bus and asks; some states live in the other one.
    (reader,) = [each for each in processes if outcomes(series(each), "amid")]
    (other,) = [each for each in processes if each is not reader]
    assert 1 in known(series(other)).values()
    members(apis, add("PJSIP/new"))
    changed(apis, AGENTS, lambda agents: agents[2].update(logged=True))
    for name in ("queue_created", "agent_edited"):
        say(broker, name)
    expected = {("agents", "changed"): 1, ("queues", "added"): 1}
    eventually(lambda: drift(series(processes)) == expected, what="it is repaired")
    assert members_of(series(processes)) == 3
    for each in processes:
        os.kill(each.pid, signal.SIGTERM)
    assert [each.wait() for each in processes] == [0, 0]
    assert not apis.tokens
    for each in processes:
        each.start(wait=False)
    ready()
    for source in SOURCES:
        eventually(lambda s=source: outcomes(series(processes), s) == {"ok": 1}, what=source)  # type: ignore[misc]  # as above
    samples = all_known(processes)
    # The counter is kept, and nothing is added.
    assert (drift(samples), members_of(samples)) == (expected, 3)
    # One that is told to stop while the other goes on deletes its token too.
    (reader,) = [each for each in processes if outcomes(series(each), "amid")]
    assert reader.terminate() == 0
    assert not apis.tokens


def test_one_of_a_cluster_that_cannot_wait_for_the_others_deletes_its_token_too(
    broker: Broker, exporter: RunExporter, apis: Apis, tmp_path: Path
) -> None:
    arguments(apis, tmp_path)
    table = '[[buses]]\nname = "{0}"\nurl = "{1}"\napi_url = "{2}"\napi_username = "{3}"\n'
    password = f'api_password_file = "{tmp_path / "api-password"}"\n'
    with serving() as second, broker.vhosts("lyon", "nantes"):
        tell_all(second).token_keys["xivo_uuid"] = OTHER
        buses = zip(("lyon", "nantes"), (apis, second), strict=True)
        (file := tmp_path / "config.toml").write_text(
            "".join(
                table.format(bus, broker.url(vhost=bus), its.url, USER) + password
                for bus, its in buses
            )
        )
        addresses = ";".join(f"127.0.0.1:{free_port()}" for _ in range(2))
        common = ("--config", str(file), "--instance", "i", "--addresses", addresses)
        processes = [
            exporter(None, *common, "--process-id", f"{n}", wait=False, program=HURRIED)
            for n in range(2)
        ]
        eventually(lambda: apis.tokens and second.tokens, timeout=30, what="both are asked")
        os.kill(processes[0].pid, signal.SIGTERM)
        assert processes[0].wait() == 0
        # The other one reads the other bus, and cannot go on alone.
        processes[1].wait()
        assert not apis.tokens
        assert not second.tokens


def test_after_a_reload_of_the_settings_all_is_still_known(
    broker: Broker, run: Run, tmp_path: Path
) -> None:
    broker.declare_exchange("xivo")
    file = tmp_path / "config.toml"
    file.touch()
    program = run("--config", f"{file}")
    before = all_known(program)
    file.write_text('details = ["agents"]')
    os.kill(program.pid, signal.SIGHUP)

    def shown() -> dict[Series, float] | None:
        samples = series(program)
        # Whenever it shows the details, it knows that nothing was missed.
        return samples if any(name == "xivo_agent_logged_in" for name, _ in samples) else None

    after = eventually(shown, what="the details are shown")
    assert after is not None
    assert known(after) == known(before)
    assert not drift(after)
    asked = sum(outcomes(before, "amid").values())
    eventually(
        lambda: sum(outcomes(series(program), "amid").values()) > asked,
        what="the APIs are asked again",
    )
    assert not drift(all_known(program))
