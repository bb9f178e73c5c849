"""What nobody should publish: it costs itself, and is shown in bounds."""

import struct
import zlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from dataflows.envelope import MAX_BODY
from dataflows.labels import MAX_LABEL
from dataflows.origins import MAX_ORIGINS
from tests.integration.bus import (
    ORIGIN,
    Wire,
    account_watched,
    assert_account_balances,
    chat,
    connected,
    count_of,
    domain,
    event,
    member,
    own,
    processed,
    publish,
    raw_headers,
    rejected,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter, Series, samples_of
from tests.servers import Broker
from tests.support import check_metrics, eventually

# What is wrong with a message costs that message and nothing else


def _wide(levels: int) -> bytes:
    return event("x", 0).replace(b"0}", b'{"a":' * levels + b"0" + b"}" * levels + b"}")


HOSTILE_BODIES: list[tuple[bytes, str]] = [
    (b"", "not_json"),
    (b"\0", "not_json"),
    (b"\xff\xfe{\x00", "not_utf8"),
    (chat().decode().encode("utf-16"), "not_utf8"),
    (b"\xc3\x28", "not_utf8"),
    (b"null", "not_object"),
    (b"[" * 200_000, "too_deep"),
    (_wide(20_000), "too_deep"),
    (b"x" * (MAX_BODY + 1), "too_large"),
    (b"x" * 10 * 1024 * 1024, "too_large"),
    (b'{"origin_uuid": "o"}', "no_name"),
    (b'{"name": "x", "origin_uuid": ["o"]}', "no_origin"),
    (event("chat_message_event", None), "bad_data"),
    (event("chat_message_event", {}), "bad_field"),
]


def test_a_hostile_body_is_one_rejection_while_the_account_balances_at_every_scrape(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    rounds, good = 5, 200
    with account_watched(program):
        for _ in range(rounds):
            for body, _ in HOSTILE_BODIES:
                publish(
                    broker, "xivo", [Wire(body), *[Wire(chat())] * (good // len(HOSTILE_BODIES))]
                )
        per_round = len(HOSTILE_BODIES) * (1 + good // len(HOSTILE_BODIES))
        samples = processed(program, rounds * per_round)
    expected = Counter(reason for _, reason in HOSTILE_BODIES)
    assert rejected(samples) == {reason: n * rounds for reason, n in expected.items()}
    assert count_of(samples, "xivo_chat_messages_total") == own(samples, "used_total")
    assert own(samples, "bus_disconnects_total") == 0
    # Logged, at a bounded rate, and without what somebody wrote to somebody.
    lines = program.logged("delivery rejected")
    assert {line["reason"] for line in lines} == set(expected)
    assert max(Counter(line["reason"] for line in lines).values()) <= 6
    assert "Alice" not in program.log()


def test_what_the_publisher_says_of_type_and_encoding_changes_nothing(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    lies = [
        {},
        {"content_type": "application/x-python-serialize", "content_encoding": "binary"},
        {"content_type": "application/x-yaml", "content_encoding": "utf-8"},
        {"content_type": "application/json", "content_encoding": "gzip"},
        {"content_type": "application/json", "content_encoding": "latin-1"},
        {"content_type": "application/json", "content_encoding": "utf-16"},
        {"content_type": "application/json", "content_encoding": "idna"},
        {"content_type": "application/json", "content_encoding": "unicode_escape"},
        {"content_type": "text/plain", "content_encoding": "no such thing"},
        {"content_type": "", "content_encoding": ""},
        {"content_type": "x" * 255, "content_encoding": "y" * 255},
    ]
    publish(broker, "xivo", [Wire(chat("Québec ☃"), properties=each) for each in lies])
    samples = processed(program, len(lies))
    assert rejected(samples) == {}
    assert count_of(samples, "xivo_chat_messages_total") == len(lies)


def test_headers_of_every_type_are_taken(broker: Broker, exporter: RunExporter) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    values: list[Any] = [
        *("text", b"\xff\xfe", True, 1.5, -1, 2**62, Decimal("-1.25"), None, ""),
        *(datetime(2026, 3, 2, 14), {"a": {"b": [1, "c"]}}, [1, [2, {"d": None}]], "x" * 60_000),  # noqa: DTZ001 -- py-amqp wants it so
    ]
    raw = [
        (b"b", b"\xff"),
        (b"B", b"\xff"),
        (b"s", b"\xff\xff"),
        (b"u", b"\xff\xff"),
        (b"I", b"\xff" * 4),
        (b"i", b"\xff" * 4),
        (b"l", b"\xff" * 8),
        (b"L", b"\xff" * 8),
        (b"f", b"\x3f\x80\0\0"),
        (b"d", b"\x3f\xf0" + b"\0" * 6),
        (b"x", struct.pack(">I", 2) + b"\xff\xfe"),
        (b"D", b"\xff\0\0\0\1"),
        (b"t", b"\x07"),
        (b"V", b""),
        (b"T", struct.pack(">Q", 1_772_463_600)),
    ]
    wires = []
    for name in ("timestamp", "timestamp_in_ms", "name"):
        wires += [Wire(chat(), headers={name: value}) for value in values]
        wires += [
            Wire(chat(), raw_properties=raw_headers((name.encode(), kind, value)))
            for kind, value in raw
        ]
    wires.append(Wire(chat(), raw_properties=raw_headers((b"\xff", b"V", b""))))
    publish(broker, "xivo", wires)
    samples = processed(program, len(wires))
    assert count_of(samples, "xivo_chat_messages_total") == len(wires)
    assert own(samples, "bus_disconnects_total") == 0


def _deep_table(levels: int) -> bytes:
    table = b"\1aV"
    for _ in range(levels):
        table = b"\1aF" + struct.pack(">I", len(table)) + table
    return struct.pack(">HI", 0x2000, len(table)) + table


POISON = {
    "a header's time in milliseconds": Wire(
        chat(), raw_properties=raw_headers((b"t", b"T", struct.pack(">Q", 1_772_463_600_000)))
    ),
    "a header's time without end": Wire(
        chat(), raw_properties=raw_headers((b"t", b"T", b"\xff" * 8))
    ),
    "a header's time beyond the calendar of the C library": Wire(
        chat(), raw_properties=raw_headers((b"t", b"T", struct.pack(">Q", 2**60)))
    ),
    "headers without a bottom": Wire(chat(), raw_properties=_deep_table(3000)),
    "a content type that is no text": Wire(
        chat(), raw_properties=struct.pack(">H", 0x8000) + b"\2\xff\xfe"
    ),
    "a message id that is no text": Wire(
        chat(), raw_properties=struct.pack(">H", 0x0080) + b"\2\xff\xfe"
    ),
    "a body that claims to be packed": Wire(
        zlib.compress(bytes(64 * 2**20)), headers={"compression": "application/x-gzip"}
    ),
    "a routing key that is no text": Wire(chat(), routing_key=b"chat.message.\xff.\xfe"),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_no_message_stops_those_behind_it(
    broker: Broker, exporter: RunExporter, poison: Wire
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url()))
    publish(
        broker,
        "xivo",
        [
            poison,
            Wire(event("call_form_result", {"user_id": 4, "variables": {}}), "call_form_result"),
        ],
    )
    # Whether the odd one itself is used or rejected is a matter of taste; that it counts is not.
    samples = processed(program, 2, timeout=5)
    assert count_of(samples, "xivo_call_forms_total") == 1
    assert_account_balances(samples)
    assert own(samples, "bus_connected") == 1


# What is shown


HOSTILE_NAMES = [
    'say "hi"',
    "back\\slash\\n",
    "two\nlines",
    "\r\t\x00\x1b[31mred",
    '"} 1\nxivo_agents{x="',
    "# EOF",
    "\u202eright to left",
    "é" * 200,
    "x" * 10_000,
    "\ud83d\ude00 \U0001f600",
]


def _hostile(program: Exporter, broker: Broker) -> None:
    origins = [f"origin {name}" for name in HOSTILE_NAMES]
    wires = [Wire(member(name), "ami.QueueMemberStatus") for name in HOSTILE_NAMES]
    wires += [Wire(event(name, {}), "ami.Any") for name in HOSTILE_NAMES]
    for name in HOSTILE_NAMES:
        service = {"service_name": name, "service_id": "x", "address": name, "port": 1, "tags": []}
        wires.append(Wire(event("service_registered_event", service), "service.registered.x"))
    agent = {"agent_id": 42, "status": "logged_in"}
    wires += [
        Wire(event("agent_status_update", agent, origin), "status.agent") for origin in origins
    ]
    publish(broker, "xivo", wires)
    processed(program, len(wires))


def test_hostile_names_come_out_escaped_bounded_and_apart(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url(), "--bind-all", "--details", "agents,endpoints"))
    _hostile(program, broker)
    usable = own(program.samples(), "used_total") // 3
    for text, parse in (
        (program.metrics(), parse_text),
        (program.openmetrics(), parse_openmetrics),
    ):
        families = list(parse(text))
        labels = [
            value
            for family in families
            for sample in family.samples
            for name, value in sample.labels.items()
            if family.name.startswith("xivo_")
        ]
        assert all(len(value) <= MAX_LABEL and value.isprintable() for value in labels)
        shown = samples_of(text)
        queues = [each for each in shown if each[0] == "xivo_queue_members_available"]
        assert len(queues) == usable
        agents = {dict(each[1])["origin_uuid"] for each in shown if each[0] == "xivo_agents"}
        # One for each name; the origin of the queues and services has told of no agent.
        assert len(agents) == usable
    assert 'xivo_agents{x="' not in program.metrics().replace("\\n", "")


@pytest.mark.promtool
def test_promtool_has_nothing_to_say_of_a_live_exposition(
    broker: Broker, exporter: RunExporter
) -> None:
    broker.declare_exchange("xivo")
    program = connected(exporter(broker.url(), "--bind-all", "--details", "agents,endpoints"))
    _hostile(program, broker)
    assert check_metrics(program.metrics()) == ""


# What one bus can take from another


_SHOWN = 1000
_VICTIM = "0b57b8e9-c2c8-5fad-ba1b-c3140ebb9be3"


def test_invented_servers_and_queues_take_nothing_from_another_bus(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    file = tmp_path / "config.toml"
    broker.declare_exchange("xivo")
    with broker.vhosts("victim"):
        urls = {"hostile": broker.url(), "victim": broker.url(vhost="victim")}
        tables = (f'[[buses]]\nname = "{bus}"\nurl = "{url}"\n' for bus, url in urls.items())
        file.write_text("".join(tables))
        state = ("--instance", "i", "--state-dir", str(tmp_path / "state"))
        limits = ("--details", "agents", "--max-series", str(_SHOWN))
        program = exporter(None, "--config", str(file), *state, *limits)
        _read(broker, program, hostile=0, victim=0)
        _flood(broker)
        _read(broker, program, hostile=11_001, victim=0)
        _work(broker, range(50))
        samples = _read(broker, program, hostile=11_001, victim=100)
        _is_complete(samples, 50)
        shown = {
            dict(labels)["queue"]
            for labels in _labels(samples, "xivo_queue_members_paused")
            if ("origin_uuid", ORIGIN) in labels
        }
        assert shown == {f"invented-{i}" for i in range(_SHOWN)}
        # The server of the queues is the first one, and there is room for 99 more.
        assert len(_labels(samples, "xivo_origin_info")) == MAX_ORIGINS + 1
        assert rejected(samples, "hostile") == {"over_limit": 1 + 1001 - MAX_ORIGINS}
        assert rejected(samples, "victim") == {}

        assert program.terminate() == 0
        program.start()
        # The bookmark of each bus comes again.
        again = _read(broker, program, hostile=11_002, victim=101)
        assert domain(again) == domain(samples)
        _flood(broker)
        _work(broker, range(50, 100))
        last = _read(broker, program, hostile=2 * 11_001 + 1, victim=201)
        _is_complete(last, 100)
        assert len(_labels(last, "xivo_origin_info")) == MAX_ORIGINS + 1


def _flood(broker: Broker) -> None:
    """Publish what nobody has, on the hostile bus."""
    queues = [member(f"invented-{i}") for i in range(10_000)]
    servers = [member("queue", origin=f"invented-{i}") for i in range(1001)]
    publish(broker, "xivo", [Wire(body, "ami.QueueMemberStatus") for body in (*queues, *servers)])


def _work(broker: Broker, numbers: range) -> None:
    """Publish what a server with so many queues and agents does, on the other bus."""
    wires = [Wire(member(f"queue-{i}", origin=_VICTIM), "ami.QueueMemberStatus") for i in numbers]
    for i in numbers:
        agent = {"agent_id": i, "status": "logged_in"}
        wires.append(Wire(event("agent_status_update", agent, _VICTIM), "status.agent"))
    publish(broker, "xivo", wires, vhost="victim")


def _read(broker: Broker, program: Exporter, **deliveries: int) -> dict[Series, float]:
    """Wait until each bus has so many deliveries and they are kept; return all series."""

    def samples() -> dict[Series, float]:
        now = program.samples()
        is_read = all(
            own(now, "deliveries_total", bus) == n and own(now, "bus_connected", bus)
            for bus, n in deliveries.items()
        )
        return now if is_read else {}

    found = eventually(samples, timeout=60, interval=0.3, ignoring=(KeyError,), what="all is read")
    for bus, vhost in (("hostile", "/"), ("victim", "victim")):
        eventually(
            lambda v=vhost, b=bus: broker.queues(v)[f"xivo-exporter.i.{b}"]["messages"] <= 1,  # type: ignore[misc]  # mypy infers no default of a lambda
            what="all but the bookmark is kept",
        )
    return found


def _labels(samples: Mapping[Series, float], metric: str) -> list[frozenset[tuple[str, str]]]:
    return [labels for name, labels in samples if name == metric]


def _is_complete(samples: Mapping[Series, float], number: int) -> None:
    """Check that each queue and agent of the server on the other bus is shown."""
    mine = {key for key in samples if ("origin_uuid", _VICTIM) in key[1]}
    for metric, label in (
        ("xivo_queue_members_available", "queue"),
        ("xivo_agent_logged_in", "agent_id"),
    ):
        shown = {dict(labels)[label] for name, labels in mine if name == metric}
        assert len(shown) == number
    states = frozenset({("origin_uuid", _VICTIM), ("status", "logged_in")})
    assert samples["xivo_agents", states] == number
    events = frozenset({("origin_uuid", _VICTIM), ("event", "QueueMemberStatus")})
    assert samples["xivo_bus_events_total", events] == number
