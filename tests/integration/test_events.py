"""From a message published on a real bus to the series that a scrape shows."""

import json
import time
from collections import Counter
from typing import Any

import pytest

from dataflows.envelope import MAX_BODY
from dataflows.repair import repaired
from tests import corpus
from tests.corpus import Message
from tests.integration.bus import (
    Wire,
    assert_account_balances,
    chat,
    connected,
    count_of,
    event,
    is_bound,
    member,
    own,
    processed,
    publish,
    rejected,
)
from tests.integration.conftest import RunExporter
from tests.pipeline import GROWING, OF_AN_API, SPECS, WINDOWED, Pipeline
from tests.program import samples_of
from tests.servers import Broker

DATA = {"content_type": "application/data", "content_encoding": "binary"}
TEXT = {"content_type": "text/plain", "content_encoding": "utf-8"}
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
TOPIC, HEADERS = ("xivo", "topic"), ("wazo-headers", "headers")
# They depend on the moment of arrival, where a message has no time of its own.
OF_THE_CLOCK = ("timestamp_seconds", "duration_seconds", *WINDOWED, *GROWING)


def _wire(message: Message, properties: dict[str, str]) -> Wire:
    body = message.body()
    if body is None:
        body = b"x" * (MAX_BODY + 1)
    elif isinstance(body, str):
        body = body.encode(errors="surrogatepass")
    return Wire(body, message.routing_key, message.headers, properties)


def _domain(series: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> dict[Any, float]:
    return {
        key: value
        for key, value in series.items()
        if key[0].startswith("xivo_")
        and not key[0].startswith("xivo_exporter_")
        and not any(word in key[0] for word in OF_THE_CLOCK)
    }


@pytest.mark.parametrize(
    ("exchange", "properties"),
    [(TOPIC, DATA), (TOPIC, TEXT), (HEADERS, JSON)],
    ids=["bytes of XiVO 15.20", "text", "JSON of Wazo"],
)
def test_every_message_of_the_corpus_becomes_what_the_core_makes_of_it(
    broker: Broker,
    exporter: RunExporter,
    exchange: tuple[str, str],
    properties: dict[str, str],
) -> None:
    messages = [corpus.load(name) for name in corpus.names()]
    # Of those that are too large, only the one that says so.
    messages = [m for m in messages if len(m.body() or "") <= MAX_BODY]
    broker.declare_exchange(*exchange)
    program = exporter(
        broker.url(),
        *("--exchange", exchange[0], "--bind-all", "--bus-timezone", "UTC"),
        *("--details", "agents,endpoints,lines"),
    )
    connected(program)
    publish(broker, exchange[0], [_wire(message, properties) for message in messages])
    samples = processed(program, len(messages))
    outcomes = Counter(message.outcome for message in messages)
    assert own(samples, "used_total") == outcomes.pop("used")
    assert own(samples, "unused_total") == outcomes.pop("unused")
    assert {f"rejected:{reason}": n for reason, n in rejected(samples).items()} == outcomes
    core = Pipeline(details=("agents", "endpoints", "lines"))
    # The messages are so old that their time stamps are replaced by the arrival, here as there.
    core.now = time.time()
    core.send(*messages)
    expected = _domain(samples_of(core.text()))
    assert _domain(samples) == expected
    assert {name for name, _ in expected} >= {
        spec.name
        for spec in SPECS
        if spec.kind != "histogram"
        and not spec.name.startswith("xivo_exporter_")
        and spec.name not in OF_AN_API
        and not any(word in spec.name for word in OF_THE_CLOCK)
        and spec.name not in OF_AN_API
    }


def _name(message: Message) -> str:
    """Return the name in a body; empty if it has none."""
    name: str = json.loads(repaired(message.body() or "")).get("name", "")
    return name


@pytest.mark.parametrize("exchange", [TOPIC, HEADERS], ids=["topic", "headers"])
def test_only_what_the_subsystems_want_is_bound(
    broker: Broker, exporter: RunExporter, exchange: tuple[str, str]
) -> None:
    messages = [
        message
        for message in map(corpus.load, corpus.names())
        if not message.outcome.startswith("rejected")
    ]
    kind = exchange[1]
    broker.declare_exchange(*exchange)
    # Names tell nothing of its type here, as with a federated exchange.
    program = connected(exporter(broker.url(), "--exchange", exchange[0], "--exchange-type", kind))
    wires = []
    for message in messages:
        # As the headers exchange of today would get what older servers published.
        name = _name(message)
        wires.append(Wire(_wire(message, DATA).body, message.routing_key, {"name": name}, DATA))
    # The last one says that all others have been through.
    publish(broker, exchange[0], [*wires, Wire(chat(), headers={"name": "chat_message_event"})])
    names = {_name(m) for m in messages if m.outcome == "used"}
    wanted = [
        message
        for message in messages
        if (_name(message) in names if kind == "headers" else is_bound(message.routing_key))
    ]
    samples = processed(program, len(wanted) + 1)
    used = sum(message.outcome == "used" for message in wanted)
    assert own(samples, "used_total") == used + 1
    assert used < len(wanted) < len(messages) - 10
    assert_account_balances(samples)


@pytest.mark.parametrize("exchange", [TOPIC, HEADERS], ids=["topic", "headers"])
def test_bind_all_is_switched_on_and_off_on_the_same_inbox(
    broker: Broker, exporter: RunExporter, exchange: tuple[str, str]
) -> None:
    name = exchange[0]
    broker.declare_exchange(*exchange)
    noise = Wire(event("Newchannel", {}), "ami.Newchannel", {"name": "Newchannel"})
    wanted = Wire(chat(), headers={"name": "chat_message_event"})
    for flags, unused in (["--bind-all"], 3), ([], 0), (["--bind-all"], 3):
        program = exporter(broker.url(), "--exchange", name, "--instance", "same", *flags)
        connected(program)
        publish(broker, name, [noise] * 3 + [wanted])
        samples = processed(program, 1 + unused)
        assert own(samples, "unused_total") == unused
        assert program.terminate() == 0
    assert list(broker.queues()) == ["xivo-exporter.same.default"]


def test_details_are_shown_only_if_asked_for(broker: Broker, exporter: RunExporter) -> None:
    broker.declare_exchange("xivo")
    without = connected(exporter(broker.url(), "--instance", "without"))
    with_ = connected(exporter(broker.url(), "--instance", "with", "--details", "agents,endpoints"))
    agent = event("agent_status_update", {"agent_id": 42, "status": "logged_in"})
    endpoint = event("endpoint_status_update", {"endpoint_id": "67", "status": 8})
    publish(broker, "xivo", [Wire(agent, "status.agent"), Wire(endpoint, "status.endpoint")])
    shown = processed(with_, 2)
    assert count_of(shown, "xivo_agent_logged_in", agent_id="42") == 1
    assert count_of(shown, "xivo_endpoint_state", endpoint_id="67", state="ringing") == 1
    names = {name for name, _ in processed(without, 2)}
    assert "xivo_agents" in names
    assert not {"xivo_agent_logged_in", "xivo_endpoint_state"} & names


def test_entities_beyond_the_limit_have_no_series_and_are_seen_to_have_none(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url(), "--max-series", "100", "--details", "agents"))
    wires = [Wire(member(f"queue-{i}"), "ami.QueueMemberStatus") for i in range(300)]
    for i in range(150):
        agent = {"agent_id": i, "status": "logged_in"}
        wires.append(Wire(event("agent_status_update", agent), "status.agent"))
    publish(broker, "xivo", [*wires, Wire(chat())])
    samples = processed(program, 451)

    def number(name: str, metric: str) -> float:
        return samples[f"xivo_exporter_{name}", frozenset({"metric": metric}.items())]

    shown = Counter(name for name, _ in samples)
    for metric in ("xivo_queue_members", "xivo_queue_member_states", "xivo_queue_members_paused"):
        queues = {dict(labels)["queue"] for name, labels in samples if name == metric}
        # Those that were there first.
        assert queues == {f"queue-{i}" for i in range(100)}
        assert number("series", metric) == shown[metric]
        assert number("series_dropped_total", metric) == 200
    assert shown["xivo_agent_logged_in"] == 100
    assert number("series_dropped_total", "xivo_agent_logged_in") == 50
    # An agent without a series is counted.
    assert count_of(samples, "xivo_agents", status="logged_in") == 150
    assert number("series_dropped_total", "xivo_agents") == 0
    # One flood takes nothing from another subsystem.
    assert number("series_dropped_total", "xivo_chat_messages_total") == 0
    assert count_of(samples, "xivo_chat_messages_total") == 1
    assert count_of(samples, "xivo_origin_info", bus="default", server="default") == 1
