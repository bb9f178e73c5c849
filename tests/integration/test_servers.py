"""The servers of the tests keep what they promise: else a fault test proves nothing."""

import socket
import ssl
from pathlib import Path

import amqp
import pytest

from tests.certificates import Certificates, make_certificates
from tests.servers import Body, Broker
from tests.support import eventually, listens


def greeting(broker: Broker, context: ssl.SSLContext, host: str) -> bytes:
    assert broker.tls_port is not None
    with (
        socket.create_connection(("127.0.0.1", broker.tls_port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        encrypted.sendall(b"AMQP\0\0\x09\x01")
        # A TLS 1.3 server refuses the client's certificate only after the handshake.
        first = encrypted.recv(1)
    if not first:
        msg = "closed without a greeting"
        raise ConnectionResetError(msg)
    return first


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "raw"),
    [
        (b'{"name": "old"}', "application/data", "binary", b'{"name": "old"}'),
        ("h\N{LATIN SMALL LETTER E WITH ACUTE}", "text/plain", "utf-8", b"h\xc3\xa9"),
        ({"name": "new"}, "application/json", "utf-8", b'{"name": "new"}'),
    ],
)
def test_a_body_goes_out_in_the_shape_of_its_era(
    broker: Broker, body: Body, content_type: str, encoding: str, raw: bytes
) -> None:
    broker.declare_exchange("xivo")
    # A quorum queue adds a header, the count of deliveries.
    broker.declare_queue("seen", {"x-queue-type": "classic"})
    broker.bind("seen", "xivo", "status.#")
    broker.publish("xivo", "status.agent", body, headers={"name": "n"}, message_id="7")
    with broker.channel() as channel:
        message = eventually(lambda: channel.basic_get("seen"), what="the message is there")
    received = message.body.encode() if isinstance(message.body, str) else message.body
    assert received == raw
    assert message.properties == {
        "content_type": content_type,
        "content_encoding": encoding,
        "delivery_mode": 2,
        "application_headers": {"name": "n"},
        "message_id": "7",
    }


def test_publishing_to_no_exchange_is_an_error(broker: Broker) -> None:
    with pytest.raises(amqp.NotFound):
        broker.publish("nowhere", "a", b"")


def test_a_headers_exchange_routes_by_headers(broker: Broker) -> None:
    broker.declare_exchange("wazo-headers", "headers")
    broker.declare_queue("seen")
    broker.bind("seen", "wazo-headers", arguments={"name": "agent_paused"})
    broker.publish("wazo-headers", "x", {}, headers={"name": "agent_unpaused"})
    broker.publish("wazo-headers", "x", {}, headers={"name": "agent_paused"})
    eventually(lambda: broker.depth("seen").ready == 1, what="one message arrives")


def test_queues_are_listed_with_their_arguments(broker: Broker) -> None:
    # RabbitMQ 4 lists the type of every queue, whether it was declared or not.
    arguments = {"x-max-length": 3, "x-expires": 60000, "x-queue-type": "classic"}
    broker.declare_queue("inbox", arguments)
    messages: list[tuple[str, Body]] = [("inbox", {"i": i}) for i in range(5)]
    broker.publish_all("", messages)
    inbox = broker.queues()["inbox"]
    assert inbox["arguments"] == arguments
    assert (inbox["messages"], inbox["consumers"], inbox["durable"]) == (3, 0, True)
    broker.delete_queue("inbox")
    assert broker.queues() == {}


def test_a_user_has_the_rights_it_was_given(broker: Broker) -> None:
    broker.declare_exchange("xivo")
    broker.add_user("reader", 'p"\\w@:', read="^xivo$")
    assert broker.url(user="reader", password='p"\\w@:').startswith("amqp://reader:p%22%5Cw%40%3A@")
    address = f"127.0.0.1:{broker.port}"
    with amqp.Connection(address, userid="reader", password='p"\\w@:') as connection:
        channel = connection.channel()
        with pytest.raises(amqp.AccessRefused):
            channel.queue_declare("mine")
    with pytest.raises(amqp.AccessRefused):
        amqp.Connection(address, userid="reader", password="wrong").connect()


def test_connections_can_be_closed_from_the_server(broker: Broker) -> None:
    with broker.channel() as channel:
        broker.close_connections()
        with pytest.raises(amqp.ConnectionForced):
            channel.basic_qos(0, 1, a_global=False)


def test_the_broker_is_empty_after_clear(broker: Broker) -> None:
    broker.declare_exchange("xivo")
    broker.declare_queue("left")
    broker.add_user("left", "over")
    broker.clear()
    assert broker.queues() == {}
    assert broker.ctl("list_users", "--formatter", "json").count('"user"') == 1
    with pytest.raises(amqp.NotFound):
        broker.publish("xivo", "a", b"")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls_with_the_authority_of_the_run(
    broker: Broker, certificates: Certificates, host: str
) -> None:
    context = ssl.create_default_context(cafile=str(certificates.ca))
    assert greeting(broker, context, host) == b"\x01"
    context.load_cert_chain(certificates.client, certificates.client_key)
    assert greeting(broker, context, host) == b"\x01"


def test_tls_with_another_authority_is_refused_on_both_sides(
    broker: Broker, certificates: Certificates, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        greeting(broker, ssl.create_default_context(cafile=str(other.ca)), "localhost")
    context = ssl.create_default_context(cafile=str(certificates.ca))
    context.load_cert_chain(other.client, other.client_key)
    # How we see it is a race between the server's alert and its closing of the socket.
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greeting(broker, context, "localhost")


def test_a_node_survives_what_is_done_to_it(private_broker: Broker) -> None:
    broker = private_broker
    # The commit of a publisher does not wait until a quorum queue has stored the message.
    broker.declare_queue("kept", {"x-queue-type": "classic"})
    broker.publish("", "kept", b"1")

    broker.stop()
    assert not listens(broker.port)
    broker.start()
    assert broker.depth("kept").ready == 1

    broker.publish("", "kept", b"2")
    broker.kill()
    assert not listens(broker.port)
    broker.start()
    assert broker.depth("kept").ready == 2

    broker.freeze()
    with socket.create_connection(("127.0.0.1", broker.port), timeout=0.3) as client:
        client.sendall(b"AMQP\0\0\x09\x01")
        with pytest.raises(TimeoutError):
            client.recv(1)
        broker.thaw()
        client.settimeout(10)
        assert client.recv(1) == b"\x01"

    # Frozen it goes to the teardown, which must end it all the same.
    broker.freeze()
