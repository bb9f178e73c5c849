"""What the daemons tell of their components."""

from __future__ import annotations

import json

import pytest

from dataflows.events.services import ComponentsListed
from dataflows.labels import MAX_LABEL
from exporter.exposition.snapshot_status import SnapshotOutcome
from exporter.settings.api_url import STATUS_DAEMONS
from exporter.snapshots.source import SnapshotError
from exporter.snapshots.status import MAX_COMPONENTS, PATHS, decode, module
from tests.snapshots.answering import AT, ORIGIN, body, listings

AMID, CALLD, CHATD = "amid/1.0/status", "calld/1.0/status", "chatd/1.0/status"

Components = dict[str, dict[str, bool]]


def no_success(daemon: str, status: int) -> SnapshotError:
    outcome = SnapshotOutcome.REFUSED if 400 <= status < 500 else SnapshotOutcome.UNREACHABLE
    return SnapshotError(outcome, f"{daemon}: {status}", daemon, status)


def told(answers: dict[str, bytes | SnapshotError], *daemons: str) -> tuple[Components, list[str]]:
    """Return the components that are listed, and the problems that are noted."""
    notes: list[str] = []
    (listed,), _ = listings(module(daemons), answers, notes.append)
    assert isinstance(listed, ComponentsListed)
    return {daemon: dict(each) for daemon, each in listed.components.items()}, notes


def test_each_daemon_is_asked_with_a_right_of_its_own() -> None:
    answers = {f"{daemon}{path}": b"{}" for daemon, path in PATHS.items()}
    listed, asked = listings(module(STATUS_DAEMONS), answers)
    assert asked == [
        ("GET", "amid/1.0/status", "amid.status.read"),
        ("GET", "agentd/1.0/status", "agentd.status.read"),
        ("GET", "chatd/1.0/status", "chatd.status.read"),
        ("GET", "calld/1.0/status", "calld.status.read"),
        ("GET", "confd/1.1/status", "confd.status.read"),
        ("GET", "call-logd/1.0/status", "call-logd.status.read"),
    ]
    up = {daemon: {"api": True} for daemon in STATUS_DAEMONS}
    assert listed == (ComponentsListed(ORIGIN, AT, 7, up),)


def test_the_components_of_real_daemons_are_told_those_in_a_group_with_its_name() -> None:
    answers: dict[str, bytes | SnapshotError] = {
        AMID: body("status_amid"),
        CALLD: body("status_calld"),
        CHATD: body("status_chatd"),
    }
    found, notes = told(answers, "amid", "calld", "chatd")
    assert {name for each in found.values() for name, is_up in each.items() if not is_up} == set()
    assert {daemon: [*each] for daemon, each in found.items()} == {
        "amid": ["api", "ami_socket", "bus_publisher", "service_token"],
        "calld": [
            *("api", "ari", "bus_consumer", "service_token"),
            *("plugins.endpoints", "plugins.voicemails"),
        ],
        "chatd": [
            *("api", "rest_api", "bus_consumer", "presence_initialization"),
            *("service_token", "master_tenant"),
        ],
    }
    assert notes == []


def test_only_two_words_tell_whether_a_component_works() -> None:
    text = b"""{"a": {"status": "ok"}, "b": {"status": "fail"}, "c": {"status": "OK"},
        "d": {"status": null}, "e": "ok", "": {"status": "ok"}, "api": {"status": "fail"},
        "f": {"status": {"status": "fail"}}, "g": {"h": {"i": {"j": {"status": "ok"}}}}}"""
    assert decode(text, "amid") == {"api": False, "a": True, "b": False, "f.status": False}


@pytest.mark.parametrize("status", [0, 500, 502, 503, 504])
def test_of_a_daemon_that_is_down_only_that_is_known(status: int) -> None:
    found, notes = told({AMID: no_success("amid", status), CHATD: b"{}"}, "amid", "chatd")
    assert found == {"amid": {"api": False}, "chatd": {"api": True}}
    assert notes == [f"amid: {status}"]


def test_all_daemons_can_be_down_while_the_login_works() -> None:
    found, _ = told({AMID: no_success("amid", 502)}, "amid")
    assert found == {"amid": {"api": False}}


@pytest.mark.parametrize("status", [301, 401, 403, 429])
def test_of_a_daemon_that_refuses_nothing_is_known(status: int) -> None:
    found, notes = told({AMID: no_success("amid", status), CHATD: b"{}"}, "amid", "chatd")
    assert found == {"chatd": {"api": True}}
    assert notes == [f"amid: {status}"]


def test_a_daemon_that_does_not_exist_is_no_problem() -> None:
    found, notes = told({AMID: no_success("amid", 404), CHATD: b"{}"}, "amid", "chatd")
    assert (found, notes) == ({"chatd": {"api": True}}, [])
    # As on a XiVO.
    assert told({AMID: no_success("amid", 404)}, "amid") == ({}, [])


def test_without_any_answer_the_problems_are_told() -> None:
    answers: dict[str, bytes | SnapshotError] = {
        AMID: no_success("amid", 401),
        CALLD: no_success("calld", 404),
        CHATD: b"[]",
    }
    with pytest.raises(SnapshotError) as caught:
        listings(module(("amid", "calld", "chatd")), answers)
    assert caught.value.outcome is SnapshotOutcome.REFUSED
    assert caught.value.problem == "amid: 401; chatd: the answer is not as expected"


def test_a_login_that_fails_says_nothing_of_a_daemon() -> None:
    of_auth = SnapshotError(SnapshotOutcome.UNREACHABLE, "auth failed (502)", "auth", 502)
    found, notes = told({AMID: of_auth, CALLD: of_auth, CHATD: b"{}"}, "amid", "calld", "chatd")
    assert found == {"chatd": {"api": True}}
    # Told once, although two daemons could not be asked.
    assert notes == ["auth failed (502)"]


def test_components_are_bounded_and_safe_for_label_values() -> None:
    many = {f"component-{number}": {"status": "ok"} for number in range(MAX_COMPONENTS)}
    with pytest.raises(SnapshotError, match="the answer is too long"):
        decode(json.dumps(many).encode(), "amid")
    del many["component-0"]
    assert len(decode(json.dumps(many).encode(), "amid")) == MAX_COMPONENTS
    [_, name] = decode(json.dumps({"x\n" * 500: {"status": "ok"}}).encode(), "amid")
    assert name.isprintable()
    assert len(name) <= MAX_LABEL
