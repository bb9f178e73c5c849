"""The consumer on kombu's in-memory broker, and what it derives and explains without any."""

import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.entity import Exchange
from structlog.testing import capture_logs

from dataflows.listings import ALL, Source
from dataflows.subsystems import OPTIONAL, SUBSYSTEMS, kept
from exporter import logs
from exporter.consumer import bindings, configured_buses, reader
from exporter.consumer.connection import brokers
from exporter.consumer.inbox import Binding, Inbox, everything
from exporter.settings import BusSettings, ExchangeType, Settings
from tests.certificates import make_certificates
from tests.consumer.contract import ConsumerContract, Publisher, Reader
from tests.support import eventually

SECRET = "s3cr3t-p4ss"


class MemoryPublisher(Publisher):
    """A broker in this process; what was not acknowledged is gone with its connection."""

    def connect(self) -> Connection:
        return Connection("memory://", transport_options={"polling_interval": 0.01})

    def declare_exchange(self, kind: str = "topic", *, exchange: str = "") -> None:
        with self.connect() as connection:
            declared = Exchange(exchange or self.exchange, type=kind, durable=True)
            declared(connection.default_channel).declare()

    def publish(
        self,
        body: bytes | str,
        routing_key: str = "key",
        headers: Mapping[str, Any] | None = None,
        *,
        exchange: str = "",
    ) -> None:
        with self.connect() as connection:
            connection.Producer().publish(
                body,
                exchange=exchange or self.exchange,
                routing_key=routing_key,
                headers=dict(headers or {}),
                content_type="application/data" if isinstance(body, bytes) else "text/plain",
                content_encoding="binary" if isinstance(body, bytes) else "utf-8",
            )


class TestOnMemory(ConsumerContract):
    @pytest.fixture
    def bus(self) -> Publisher:
        return MemoryPublisher()


def test_a_connection_that_flaps_is_logged_seldom_and_its_state_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "_MINUTE_SECONDS", 3600)
    monkeypatch.setattr(reader, "MAX_BACKOFF_SECONDS", 0.02)
    monkeypatch.setattr(reader, "HEARTBEAT_SECONDS", 0.4)
    bus = MemoryPublisher()
    bus.declare_exchange()
    with capture_logs() as captured, Reader(bus) as running:
        for times in range(1, 10):
            running.connected(times)
            running.broken.set()
        running.connected(10)
        assert [line["event"] for line in captured] == ["connected", "disconnected"] * 6
        # The minute is over.
        monkeypatch.setattr(logs, "_MINUTE_SECONDS", 0)
        eventually(lambda: len(captured) > 12, what="the lasting state is logged")
        assert (captured[-1]["event"], captured[-1]["held_back"]) == ("connected", 3)


def test_a_consumer_that_is_stopped_while_it_connects_leaves_the_inbox_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bus = MemoryPublisher()
    bus.declare_exchange()
    opened: list[object] = []
    is_connecting, go_on = threading.Event(), threading.Event()

    def connect(_: Connection, **_options: object) -> None:
        is_connecting.set()
        go_on.wait(60)

    monkeypatch.setattr(Connection, "ensure_connection", connect)
    monkeypatch.setattr(reader.Consumer, "_open", lambda _, connection: opened.append(connection))
    with Reader(bus) as running:
        assert is_connecting.wait(60)
        running.consumer.stop(0)
        go_on.set()
    assert not opened


# Bindings


def test_there_is_one_topic_binding_for_each_routing_key_and_no_wildcard_for_all() -> None:
    made = bindings(SUBSYSTEMS, ExchangeType.TOPIC)
    keys = [binding.routing_key for binding in made]
    assert len(keys) == len(set(keys))
    assert {"status.agent", "status.endpoint", "status.user", "call_form_result"} <= set(keys)
    assert {"ami.QueueMemberStatus", "ami.QueueMemberPause", "ami.QueueMemberPaused"} <= set(keys)
    assert "#" not in keys
    assert all(not binding.arguments for binding in made)


def test_there_is_one_headers_binding_for_each_event_name() -> None:
    made = bindings(SUBSYSTEMS, ExchangeType.HEADERS)
    names = [dict(binding.arguments)["name"] for binding in made]
    assert sorted(names) == sorted({d.name for s in SUBSYSTEMS for d in s.all_decoders})
    assert all(dict(binding.arguments)["x-match"] == "all" for binding in made)


def test_everything_is_one_binding_that_leaves_no_other_argument() -> None:
    assert everything(ExchangeType.TOPIC) == Binding("#")
    assert everything(ExchangeType.HEADERS) == Binding("")


@pytest.mark.parametrize("bind_all", [False, True])
@pytest.mark.parametrize("kind", ExchangeType)
def test_every_binding_of_any_settings_is_wanted_or_unwanted(
    kind: ExchangeType, bind_all: bool
) -> None:
    bus = BusSettings(exchange="e", exchange_type=kind, bind_all=bind_all)
    [configured] = configured_buses(Settings(buses=(bus,)))
    inbox = configured.inbox
    assert inbox.bindings == ((everything(kind),) if bind_all else bindings(SUBSYSTEMS, kind))
    every = {everything(each) for each in ExchangeType}
    every |= {binding for each in ExchangeType for binding in bindings(SUBSYSTEMS, each)}
    assert {*inbox.bindings, *inbox.unwanted} == every
    assert len(inbox.bindings) + len(inbox.unwanted) == len(every)
    assert inbox.unwanted_on("e") == inbox.unwanted
    assert {*inbox.unwanted_on("earlier")} == every


@pytest.mark.parametrize("kind", ExchangeType)
@pytest.mark.parametrize("name", OPTIONAL)
def test_with_all_events_those_are_used_that_would_be_bound_without(
    kind: ExchangeType, name: str
) -> None:
    bus = BusSettings(exchange="e", exchange_type=kind, bind_all=True)
    [configured] = configured_buses(Settings(buses=(bus,), subsystems=frozenset({name})))
    names = frozenset(each.name for of in kept((name,)) for each in of.all_decoders)
    assert configured.used == names
    [bound] = configured_buses(Settings(buses=(bus.model_copy(update={"bind_all": False}),)))
    assert bound.used is None


@pytest.mark.parametrize("kind", ExchangeType)
@pytest.mark.parametrize("name", OPTIONAL)
def test_what_no_kept_subsystem_needs_is_unwanted(kind: ExchangeType, name: str) -> None:
    bus = BusSettings(exchange="e", exchange_type=kind)
    [configured] = configured_buses(Settings(buses=(bus,), subsystems=frozenset({name})))
    [every] = configured_buses(Settings(buses=(bus,)))
    inbox = configured.inbox
    assert inbox.bindings == bindings(kept((name,)), kind)
    assert {*inbox.bindings} < {*every.inbox.bindings}
    assert {*every.inbox.bindings} - {*inbox.bindings} < {*inbox.unwanted}


@pytest.mark.parametrize(
    ("subsystems", "sources"),
    [
        ({"agents"}, {Source.AGENTD, Source.AMID}),
        ({"queues", "queue_calls"}, {Source.AMID, Source.CONFD}),
        ({"users", "chat"}, {Source.CHATD}),
        ({"switchboards"}, {Source.CALLD, Source.CONFD}),
        ({"services"}, {Source.STATUS}),
        ({"endpoints", "faxes"}, set()),
    ],
)
def test_only_the_apis_that_a_kept_subsystem_follows_are_asked(
    subsystems: set[str], sources: set[Source]
) -> None:
    api = {"api_url": "https://h/api", "api_username": "u", "api_password": SECRET}
    settings = Settings(buses=(BusSettings.model_validate(api),), subsystems=frozenset(subsystems))
    [configured] = configured_buses(settings)
    assert {*configured.status.sources} == sources
    assert (configured.api is None) is (not sources)


def test_the_apis_that_are_set_have_a_status_each() -> None:
    api = {"api_url": "https://h/api", "api_username": "u", "api_password": SECRET}
    with_api = BusSettings.model_validate({"name": "a", **api})
    configured = configured_buses(Settings(buses=(with_api, BusSettings(name="b"))))
    below_the_url = [source for source in ALL if source is not Source.CONSUL]
    assert [[*bus.status.sources] for bus in configured] == [below_the_url, []]


@pytest.mark.parametrize(
    ("exchange", "earlier", "others"),
    [
        ("xivo", "", ("wazo-headers",)),
        ("wazo-headers", "", ("xivo",)),
        ("other", "", ("xivo", "wazo-headers")),
        ("xivo", "xivo", ()),
        ("xivo", "other", ("other",)),
    ],
)
def test_the_well_known_exchanges_are_tried_only_if_the_earlier_one_is_unknown(
    exchange: str, earlier: str, others: tuple[str, ...]
) -> None:
    assert Inbox("i", 60, 7, 9, exchange, ()).other_exchanges(earlier) == others


def test_the_inbox_is_bounded_and_expires() -> None:
    inbox = Inbox("i", 1.5, 7, 9, "xivo", ())
    assert inbox.arguments() == {
        "x-queue-type": "classic",
        "x-expires": 1500,
        "x-max-length": 7,
        "x-max-length-bytes": 9,
        "x-overflow": "drop-head",
    }


# How it connects


def _connect(**bus: object) -> Connection:
    (broker,) = brokers(BusSettings.model_validate(bus), "i")
    return broker.connect()


def test_a_connection_is_made_of_the_settings_and_asks_for_heartbeats() -> None:
    connection = _connect(url=f"amqp://u:{SECRET}@h:99/v")
    assert (connection.hostname, connection.port, connection.virtual_host) == ("h", 99, "v")
    assert (connection.userid, connection.password) == ("u", SECRET)
    assert connection.heartbeat
    assert not connection.ssl
    assert SECRET not in repr(connection)


def test_the_password_file_is_read_at_each_connection(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("one\n")
    bus = BusSettings.model_validate({"url": "amqp://u@h", "password_file": file})
    (broker,) = brokers(bus, "i")
    assert broker.connect().password == "one"
    file.write_text(" two \r\n")
    assert broker.connect().password == " two "


def test_each_address_has_its_own_host_credentials_and_name_to_verify() -> None:
    urls = f"amqps://u:{SECRET}@a/v;amqps://w@b:99"
    first, second = brokers(BusSettings.model_validate({"url": urls}), "i")
    assert (first.url, second.url) == ("amqps://a:5671/v", "amqps://b:99")
    one, two = first.connect(), second.connect()
    assert (one.hostname, one.port, one.userid, one.password) == ("a", 5671, "u", SECRET)
    assert (two.hostname, two.port, two.userid, two.password) == ("b", 99, "w", "guest")
    for connection, host in ((one, "a"), (two, "b")):
        assert connection.ssl == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host}


def test_tls_verifies_the_certificate_and_the_name(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    plain = _connect(url="amqps://h").ssl
    assert plain == {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": "h"}
    full = _connect(
        url="amqps://h",
        ca_file=made.ca,
        cert_file=made.client,
        key_file=made.client_key,
        server_name="n",
    )
    assert full.ssl == {
        "cert_reqs": ssl.CERT_REQUIRED,
        "server_hostname": "n",
        "ca_certs": str(made.ca),
        "certfile": str(made.client),
        "keyfile": str(made.client_key),
    }
