"""Nothing is lost or doubled, whatever is killed, changed, cut off or taken over."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import amqp
import pytest

from tests.chaos.bad_link import LEAST_SHARE, BadLink, flap
from tests.chaos.blows import Blow, Blows
from tests.chaos.trial import run
from tests.integration.bus import chat
from tests.proxy import Proxy
from tests.servers import GUEST, Broker

QUEUE = "read-over-a-bad-link"
LINK = BadLink(100_000, reset_seconds=1, connections=3)


def test_struck_at_random_exporters_show_just_what_was_published(
    broker: Broker, tmp_path: Path
) -> None:
    blows = Blows(
        seed=1,
        kills=6,
        cuts=6,
        links=[BadLink(100_000, reset_seconds=2, connections=2)],
        failovers=[Blow.KILL, Blow.STOP, Blow.CUT],
    )
    outcome = run(broker, tmp_path, blows, agents=60, rate=1000)
    assert outcome.faults == []
    # A trial in which nothing came twice, or nobody took over, would have tried nothing.
    assert outcome.duplicates > 0
    assert outcome.changes > 4
    assert len(outcome.phases) == 1
    assert outcome.pair.account.terms > 1


@pytest.mark.parametrize("acknowledges", [True, False])
def test_a_bad_link_brings_those_on_that_acknowledge_what_they_got(
    broker: Broker, acknowledges: bool
) -> None:
    broker.declare_queue(QUEUE)
    bodies = [chat(f"{number}".ljust(300)) for number in range(10_000)]
    broker.publish_all("", [(QUEUE, body) for body in bodies])
    with (
        Proxy(broker.port) as proxy,
        _reader(proxy.url(f"127.0.0.1:{broker.port}"), acknowledges=acknowledges) as seen,
    ):
        proxy.throttle(LINK.bytes_per_second)
        flap(LINK._replace(connections=1), proxy)
        before = len(seen)
        carried = flap(LINK, proxy)
        share = sum(map(len, [*seen][before:])) / carried
    assert (share > LEAST_SHARE) == acknowledges, share


@contextmanager
def _reader(address: str, *, acknowledges: bool) -> Iterator[dict[bytes, None]]:
    """Read the queue over one connection after another; give the bodies in their order."""
    seen: dict[bytes, None] = {}
    stop = threading.Event()

    def receive(message: amqp.Message) -> None:
        seen[bytes(message.body, "utf-8") if isinstance(message.body, str) else message.body] = None
        if acknowledges:
            message.channel.basic_ack(message.delivery_tag)

    def read() -> None:
        while not stop.is_set():
            try:
                with amqp.Connection(
                    address, GUEST, GUEST, connect_timeout=2, read_timeout=2
                ) as connection:
                    connection.channel().basic_consume(QUEUE, callback=receive)
                    while not stop.is_set():
                        with suppress(TimeoutError):
                            connection.drain_events(timeout=0.2)
            except (OSError, amqp.AMQPError):
                continue

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join(30)
