"""`record` and `tap` at a real broker: nothing lost, nothing twice, nothing left behind."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from math import isclose
from pathlib import Path
from typing import Any

import pytest

from dataflows.envelope import MAX_BODY
from dataflows.items import GapNoticed, Item
from exporter.clock import wall_clock
from exporter.consumer.copies import EXPIRES_SECONDS, Copy
from exporter.consumer.copy_reader import CopyReader, copied_bus
from exporter.consumer.inbox import everything
from exporter.recording.format import read
from exporter.settings import BusSettings, ExchangeType
from exporter.simulation.simulator import CallCentre, Era
from tests.integration.bus import (
    CHAT,
    INBOX,
    ORIGIN,
    Wire,
    assert_account_balances,
    chat,
    connected,
    domain,
    own,
    processed,
    publish,
    publish_chats,
    raw_headers,
    rejected,
)
from tests.integration.conftest import RunExporter
from tests.integration.test_hostile import HOSTILE_BODIES
from tests.program import PROGRAM, Series
from tests.proxy import Proxy
from tests.recorded import BusProgram, replayed
from tests.servers import Broker
from tests.support import REPOSITORY, eventually

WHOLE = "--with-personal-data"

RunRecord = Callable[..., BusProgram]
Numbers = Mapping[Series, float]

RIGHTS = {
    "configure": r"^xivo-exporter\.",
    "write": r"^xivo-exporter\.",
    "read": r"^(xivo-exporter\..*|xivo)$",
}
"""Those of docs/install.md."""


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RunRecord]:
    """A function that starts `record`, or another command, and waits until it is connected."""
    running: list[BusProgram] = []

    def run(url: str, *arguments: str, command: str = "record") -> BusProgram:
        directory = tmp_path / f"{command}-{len(running) + 1}"
        directory.mkdir()
        process = BusProgram(directory, url, "--instance", "i", *arguments, command=command)
        running.append(process)
        process.start(wait=False)
        process.connected()
        return process

    yield run
    for process in running:
        process.close()


def temporary(broker: Broker) -> list[str]:
    """Return the names of the queues that are not the inbox of an exporter."""
    return [name for name in broker.queues() if name != INBOX]


def bodies(path: Path) -> list[bytes]:
    return [message.content() for message in read(path)]


def has_recorded(path: Path, count: int) -> None:
    eventually(lambda: len(bodies(path)) == count, what=f"{count} messages in the file")


@contextmanager
def publishing(broker: Broker, count: int) -> Iterator[None]:
    """Publish so many chat messages, while something happens."""

    def run() -> None:
        for start in range(0, count, 100):
            publish_chats(broker, start, start + 100)

    publisher = threading.Thread(target=run)
    publisher.start()
    yield
    publisher.join(60)


HEADERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"n": 1, "t": "é", "b": True, "f": 1.5, "none": None}, {}),
    ({"d": Decimal("1.5"), "list": [1, {"x": "y"}]}, {"d": {"@decimal": "1.5"}}),
    (
        {"timestamp": datetime(2026, 11, 26, 10, 0)},  # noqa: DTZ001 -- as py-amqp wants it
        {"timestamp": {"@time": "2026-11-26T10:00:00+00:00"}},
    ),
]


@pytest.mark.usefixtures("with_exchange")
def test_all_is_recorded_as_it_was_published_and_an_exporter_beside_is_not_disturbed(
    broker: Broker, exporter: RunExporter, record: RunRecord, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl.gz"
    program = connected(exporter(broker.url(), "--instance", "i"))
    recorder = record(broker.url(), str(path), WHOLE)
    sent = [Wire(body) for body, _ in HOSTILE_BODIES]
    sent += [
        Wire(b'{"a": 1,\n"b": 2}', "any.key", {}, {"correlation_id": "c", "priority": 3}),
        *(Wire(chat(), headers=headers) for headers, _ in HEADERS),
        Wire(chat(), raw_properties=raw_headers((b"t", b"T", b"\xff" * 8))),
        Wire(chat("last")),
    ]
    publish(broker, "xivo", sent)
    has_recorded(path, len(sent))
    assert len(temporary(broker)) == 1
    told = recorder.interrupt()
    assert f"Ended by a signal: {len(sent)} messages" in told
    assert "2 bodies over 256 KiB: cut off" in told
    assert "1 message without headers" in told
    assert "CONTAINS PERSONAL DATA" in told
    assert temporary(broker) == []

    got = [*read(path)]
    assert [each.content() for each in got] == [each.body[: MAX_BODY + 1] for each in sent]
    plain = got[len(HOSTILE_BODIES)]
    assert plain.routing_key == "any.key"
    assert plain.properties == {"correlation_id": "c", "priority": 3, "delivery_mode": 2}
    for message, (headers, changed) in zip(got[len(HOSTILE_BODIES) + 1 :], HEADERS, strict=False):
        assert message.headers == headers | changed
    assert [each.time for each in got] == sorted(each.time for each in got)
    assert path.stat().st_mode & 0o777 == 0o600

    samples = processed(program, len(sent) - 1)
    assert_account_balances(samples)
    assert own(samples, "bus_disconnects_total") == 0
    played = replayed(path)
    assert rejected(played) == rejected(samples)


@pytest.mark.usefixtures("with_exchange")
def test_broken_connections_lose_nothing_and_repeat_nothing(
    broker: Broker, record: RunRecord, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    count = 2000
    with Proxy(broker.port) as network:
        recorder = record(network.url(broker.url()), str(path), WHOLE)
        with publishing(broker, count):
            for share in (0.1, 0.3, 0.5, 0.7):
                eventually(lambda share=share: len(bodies(path)) > share * count, interval=0.01)  # type: ignore[misc]  # mypy infers no default of a lambda
                assert network.reset()
                recorder.connected(len(recorder.logged("connected")) + 1)
        has_recorded(path, count)
        told = recorder.interrupt()
    assert bodies(path) == [chat(number) for number in range(count)]
    assert "0 gaps" in told
    assert temporary(broker) == []


@pytest.mark.usefixtures("with_exchange")
def test_messages_that_were_missed_are_a_gap(
    broker: Broker, record: RunRecord, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    recorder = record(broker.url(), str(path), WHOLE)
    publish_chats(broker, 0, 10)
    has_recorded(path, 10)
    [name] = temporary(broker)
    broker.delete_queue(name)
    recorder.connected(2)
    publish_chats(broker, 10, 20)
    has_recorded(path, 20)
    assert "1 gap\nAt each gap, messages were missed" in recorder.interrupt()


@pytest.mark.usefixtures("with_exchange")
def test_messages_that_the_broker_drops_because_they_are_not_taken_are_a_gap(
    broker: Broker,
) -> None:
    settings = BusSettings(url=broker.url())
    bus = copied_bus(settings, "i", "record", (everything(ExchangeType.TOPIC),))
    reader = CopyReader(
        replace(bus, inbox=replace(bus.inbox, prefetch=10, max_length=50)), wall_clock
    )
    reader.start()
    try:
        eventually(lambda: reader.status.connected, what=lambda: reader.status.problem)
        publish_chats(broker, 0, 200)
        eventually(lambda: reader.status.gaps == 1, what="a gap")
        taken: list[Item] = []

        def take() -> bool:
            taken.extend(reader.take(5))
            reader.keep()
            return sum(isinstance(each, Copy) for each in taken) == 60

        eventually(take, what=lambda: f"all is taken: {len(taken)}")
    finally:
        reader.close()
    found = [each.body if isinstance(each, Copy) else type(each) for each in taken]
    wanted = [chat(number) for number in (*range(10), *range(150, 200))]
    assert [each for each in found if isinstance(each, bytes)] == wanted
    assert found.index(GapNoticed) == found.index(chat(9)) + 1
    assert temporary(broker) == []


@pytest.mark.usefixtures("with_exchange")
def test_a_recorder_that_is_killed_leaves_what_it_had_and_a_queue_that_expires(
    broker: Broker, record: RunRecord, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl.gz"
    recorder = record(broker.url(), str(path), WHOLE)
    publish_chats(broker, 0, 300)
    has_recorded(path, 300)
    recorder.kill()
    assert bodies(path) == [chat(number) for number in range(300)]
    [queue] = (broker.queues()[name] for name in temporary(broker))
    assert queue["arguments"]["x-expires"] == EXPIRES_SECONDS * 1000
    assert queue["arguments"]["x-overflow"] == "drop-head"
    # It is still there after a restart of the broker.
    assert queue["durable"]


@pytest.mark.usefixtures("with_exchange")
def test_the_rights_of_an_exporter_suffice_and_it_ends_after_its_duration(
    broker: Broker, record: RunRecord, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    broker.add_user("reader", "secret-word", **RIGHTS)
    url = broker.url(user="reader", password="secret-word")
    recorder = record(url, str(path), "--duration", "2s")
    publish_chats(broker, 0, 10)
    assert recorder.wait() == 0
    assert "Ended by its duration, 2s: 10 messages" in recorder.log()
    assert temporary(broker) == []
    # Of the chat messages, the name of the sender and the text are replaced.
    assert b"Alice" not in path.read_bytes()
    assert [json.loads(body)["origin_uuid"] for body in bodies(path)] == [ORIGIN] * 10


def test_a_bus_that_cannot_be_reached_at_the_start_is_an_error_and_leaves_no_file(
    broker: Broker, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl"
    url = broker.url(password="wrong-password")
    command = [*PROGRAM, "record", "--bus-url", url, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 1
    assert "cannot read the bus default: login refused" in done.stderr
    assert "wrong-password" not in done.stderr
    assert not path.exists()


@pytest.mark.usefixtures("with_exchange")
def test_events_are_shown_as_they_come_and_only_what_is_wanted_is_bound(
    broker: Broker, record: RunRecord
) -> None:
    tap = record(broker.url(), "--subsystems", "chat", command="tap")
    [name] = temporary(broker)
    bindings = re.findall(r'exchange,<<"xivo">>},\s*<<"([^"]+)">>', broker.bindings())
    assert bindings
    assert all(each.startswith(("chat", "chatd")) for each in bindings), (name, bindings)
    publish(broker, "xivo", [Wire(chat("secret words")), Wire(b"{", CHAT)])
    eventually(lambda: tap.output().count("\n") == 2, what=tap.output)
    shown, wrong = tap.output().splitlines()
    assert re.fullmatch(rf"[0-9:.]{{12}} {ORIGIN[:8]} chat_message_event \[chat\].*", shown)
    assert "secret words" not in tap.output()
    assert "REJECTED not_json" in wrong
    tap.interrupt()
    assert temporary(broker) == []


@pytest.mark.usefixtures("with_exchange")
def test_a_recording_shows_the_same_as_the_exporter_that_was_running(
    broker: Broker, exporter: RunExporter, record: RunRecord, tmp_path: Path
) -> None:
    path = tmp_path / "all.jsonl.gz"
    flags = ("--instance", "i", "--bind-all", "--bus-timezone", "UTC", "--details", "agents")
    program = connected(exporter(broker.url(), *flags))
    recorder = record(broker.url(), str(path), WHOLE)
    now = wall_clock()
    # Servers with time stamps in all events, because these are published at once. For the same
    # reason, nobody may go on a pause during a wrap-up: it is over before the pause is published,
    # or not, and so the pause begins at another time.
    centres = [
        CallCentre(agents=12, seed=seed, start=now - 900, era=era, noise=False)
        for era, seed in ((Era.WAZO_21_08, 6), (Era.WAZO_26_04, 5))
    ]
    sent = [
        Wire(message.body, message.routing_key, message.headers)
        for centre in centres
        for message in centre.until(now)
    ]
    publish(broker, "xivo", sent)
    processed(program, len(sent))
    has_recorded(path, len(sent))
    recorder.interrupt()
    played = domain(replayed(path, "--bus-timezone", "UTC", "--details", "agents"))
    origins = {dict(labels).get("origin_uuid") for _, labels in played}
    assert {centre.origin_uuid for centre in centres} <= origins
    assert len(played) > 200
    # The replay lets five seconds pass after the last message, in which states settle.
    eventually(
        lambda: differences(domain(program.samples()), played) == {},
        what=lambda: f"{differences(domain(program.samples()), played)}",
    )


def differences(live: Numbers, played: Numbers) -> dict[Series, tuple[object, object]]:
    """Return the series that differ; two programs receive a message at different moments."""
    found: dict[Series, tuple[object, object]] = {}
    for series in live.keys() | played.keys():
        one, other = live.get(series), played.get(series)
        is_time = series[0].endswith("_timestamp_seconds") and None not in (one, other)
        if one != other and not (is_time and isclose(live[series], played[series], abs_tol=5)):
            found[series] = one, other
    return found
