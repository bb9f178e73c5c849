"""What the integration tests say to the bus, and what they read from the exporter."""

import json
import re
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import amqp

from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer import bindings
from exporter.settings import ExchangeType
from tests.pipeline import GROWING
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.support import eventually

ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"
CHAT = f"chat.message.{ORIGIN}.42"

INBOX = "xivo-exporter.i.default"
"""That of the only bus of an exporter with `--instance i`."""


def event(name: str, data: object, origin: str = ORIGIN) -> bytes:
    """Return the body of an event as XiVO's daemons write it."""
    return json.dumps({"name": name, "origin_uuid": origin, "data": data}).encode()


def chat(text: object = "Hi!", origin: str = ORIGIN) -> bytes:
    """Return a chat message: it has no id and no time, so that each one counts."""
    users = {"to": [origin, 42], "from": [origin, 22]}
    return event("chat_message_event", {"alias": "Alice", "msg": f"{text}", **users}, origin)


def member(queue: str, interface: str = "SIP/a", origin: str = ORIGIN, **fields: str) -> bytes:
    """Return a QueueMemberStatus."""
    data = {"Queue": queue, "Interface": interface, "Membership": "static"}
    return event("QueueMemberStatus", {**data, "Status": "1", "Paused": "0", **fields}, origin)


_MOST_IN_A_TRANSACTION = 10_000
"""RabbitMQ 4.3 refuses more publications before a commit."""


@dataclass(frozen=True)
class Wire:
    """A message with everything that AMQP lets it have."""

    body: bytes
    routing_key: str | bytes = CHAT
    headers: Mapping[str, Any] | None = None
    properties: Mapping[str, Any] | None = None
    # Flags and properties as they are on the wire, instead.
    raw_properties: bytes | None = None


class _Raw(amqp.Message):  # type: ignore[misc]  # py-amqp has no types
    raw_properties = b""

    def _serialize_properties(self) -> bytes:
        return self.raw_properties


def publish(broker: Broker, exchange: str, messages: Iterable[Wire], vhost: str = "/") -> None:
    """Publish messages in their order; return when they are in their queues."""
    with broker.channel(vhost) as channel:
        channel.tx_select()
        for count, wire in enumerate(messages, 1):
            send(channel, wire, exchange)
            if count % _MOST_IN_A_TRANSACTION == 0:
                channel.tx_commit()
        channel.tx_commit()


def send(channel: Any, wire: Wire, exchange: str = "xivo") -> None:  # noqa: ANN401 -- py-amqp's
    """Publish a message on a channel of one's own."""
    if wire.raw_properties is None:
        # Persistent, as every publisher of XiVO and Wazo sends them.
        properties = {"delivery_mode": 2, **(wire.properties or {})}
        properties["application_headers"] = dict(wire.headers or {})
        message = amqp.Message(wire.body, **properties)
    else:
        message = _Raw(wire.body)
        message.raw_properties = wire.raw_properties
    channel.basic_publish(message, exchange, wire.routing_key)


def chats(start: int, end: int, origin: str = ORIGIN) -> list[Wire]:
    """Return chat messages with these numbers, each with a body of its own."""
    return [Wire(chat(i, origin)) for i in range(start, end)]


def publish_chats(broker: Broker, start: int, end: int) -> None:
    """Publish chat messages with these numbers."""
    publish(broker, "xivo", chats(start, end))


def raw_headers(*fields: tuple[bytes, bytes, bytes]) -> bytes:
    """Return properties of headers only, each a name, a type and its value as on the wire."""
    table = b"".join(
        struct.pack("B", len(name)) + name + kind + value for name, kind, value in fields
    )
    return struct.pack(">HI", 0x2000, len(table)) + table


def is_bound(routing_key: str) -> bool:
    """Whether a topic exchange would send it to us without --bind-all."""
    patterns = [each.routing_key for each in bindings(SUBSYSTEMS, ExchangeType.TOPIC)]
    return any(_pattern(pattern).fullmatch(f".{routing_key}") for pattern in patterns)


def _pattern(pattern: str) -> re.Pattern[str]:
    words = (
        r"(\..*)?" if word == "#" else r"\.[^.]*" if word == "*" else r"\." + re.escape(word)
        for word in pattern.split(".")
    )
    return re.compile("".join(words))


# What the exporter says


def connected(exporter: Exporter, times: int | None = None, timeout: float = 15) -> Exporter:
    """Wait until the exporter is connected, for the n-th time."""

    def is_connected() -> bool:
        samples = exporter.samples()
        connects = own(samples, "bus_connects_total")
        is_up = own(samples, "bus_connected") == 1
        return is_up and (times is None or connects == times)

    eventually(is_connected, timeout=timeout, what=lambda: f"connected; {_end_of(exporter)}")
    return exporter


def own(samples: Mapping[Series, float], name: str, bus: str = "default") -> float:
    """Return one of the exporter's own series of a bus; every one of them starts at 0."""
    return samples[f"xivo_exporter_{name}", frozenset({("bus", bus)})]


def processed(exporter: Exporter, count: int, timeout: float = 30) -> dict[Series, float]:
    """Wait until so many deliveries are processed, and return all series of that moment."""

    def samples() -> dict[Series, float]:
        now = exporter.samples()
        return now if own(now, "deliveries_total") == count else {}

    return eventually(
        samples, timeout=timeout, what=lambda: f"{count} deliveries; {_end_of(exporter)}"
    )


def count_of(samples: Mapping[Series, float], metric: str, **labels: str) -> float:
    """Return the value of a series of the origin, 0 where there is none."""
    return samples.get((metric, frozenset({"origin_uuid": ORIGIN, **labels}.items())), 0)


def domain(samples: Mapping[Series, float]) -> dict[Series, float]:
    """Return what the bus told, without the exporter's own series, windows, and what grows."""
    return {
        (name, labels): value
        for (name, labels), value in samples.items()
        if name.startswith("xivo_")
        and not name.startswith("xivo_exporter_")
        and "window" not in dict(labels)
        and name not in GROWING
    }


def rejected(samples: Mapping[Series, float], bus: str = "default") -> dict[str, float]:
    """Return the rejections of a bus, by reason, of those reasons that occurred."""
    return {
        dict(labels)["reason"]: value
        for (name, labels), value in samples.items()
        if name == "xivo_exporter_rejected_total" and ("bus", bus) in labels and value
    }


def assert_account_balances(samples: Mapping[Series, float], bus: str = "default") -> None:
    """Check the law: deliveries = used + unused + rejected + duplicates."""
    names = ("used_total", "unused_total", "duplicates_total")
    parts = [own(samples, name, bus) for name in names]
    assert own(samples, "deliveries_total", bus) == sum(parts) + sum(
        rejected(samples, bus).values()
    )


@contextmanager
def meanwhile(act: Callable[[], object], *, pause: float = 0) -> Iterator[None]:
    """Act again and again in a thread while something happens, and hand its fault on."""
    stop, faults = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            while not stop.is_set():
                act()
                stop.wait(pause)
        except BaseException as fault:  # noqa: BLE001 -- handed to the thread of the test
            faults.append(fault)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    if faults:
        raise faults[0]


@contextmanager
def account_watched(exporter: Exporter, bus: str = "default") -> Iterator[None]:
    """Check the law at scrape after scrape, while something happens."""
    scrapes: list[float] = []

    def watch() -> None:
        samples = exporter.samples()
        assert_account_balances(samples, bus)
        scrapes.append(own(samples, "deliveries_total", bus))

    with meanwhile(watch, pause=0.02):
        yield
    assert scrapes == sorted(scrapes), "a counter went back"
    assert scrapes


def connected_buses(processes: Iterable[Exporter]) -> float:
    """Return how many buses the processes of a cluster read."""
    return sum(
        value
        for process in processes
        for (name, _), value in process.samples().items()
        if name == "xivo_exporter_bus_connected"
    )


def problems(exporter: Exporter) -> list[str]:
    """Return why the exporter could not connect, as often as it said so."""
    return [line["problem"] for line in exporter.logged("cannot connect, retrying")]


def is_ready(exporter: Exporter) -> bool:
    """Whether the exporter calls itself ready."""
    return exporter.get("/-/ready").status == 200


def _end_of(exporter: Exporter) -> str:
    return f"its log ends\n{exporter.log()[-2000:]}"
