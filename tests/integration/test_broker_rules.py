"""Policies and limits of the broker make no false gaps, and the log and the page name them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.bus import INBOX, connected, own, processed, publish_chats
from tests.integration.conftest import RunExporter
from tests.integration.recovery import assert_counted_once
from tests.program import Exporter
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("with_exchange")


@contextmanager
def _expiring(broker: Broker, milliseconds: int) -> Iterator[None]:
    definition = f'<<"{{\\"message-ttl\\":{milliseconds}}}">>'
    broker.eval(
        f'rabbit_policy:parse_set(<<"/">>, <<"ttl">>, <<".*">>, {definition}, <<"0">>, '
        '<<"queues">>, <<"test">>).'
    )
    yield
    broker.eval('rabbit_policy:delete(<<"/">>, <<"ttl">>, <<"test">>).')


def _silent(program: Exporter, seconds: float) -> None:
    """Wait until nothing was delivered for some seconds."""
    eventually(
        lambda: time.time() - own(program.samples(), "last_delivery_timestamp_seconds") > seconds,
        timeout=30,
        what="the bus is silent",
    )


@pytest.mark.parametrize("silence", [3, 8])
def test_a_bookmark_that_expires_on_a_silent_bus_is_no_gap(
    broker: Broker, exporter: RunExporter, silence: float
) -> None:
    with _expiring(broker, 2000):
        program = connected(exporter(broker.url(), "--instance", "i"))
        publish_chats(broker, 0, 10)
        processed(program, 10)
        _silent(program, silence)
        broker.close_exporters()
        connected(program, times=2)
        publish_chats(broker, 10, 20)
        assert_counted_once(broker, program, "i", 20, gaps=0)
        assert "message-ttl" in program.log()
        assert "message-ttl" in program.get("/").text


def test_a_later_process_knows_that_the_bookmark_had_expired(
    broker: Broker, exporter: RunExporter, tmp_path: Path
) -> None:
    with _expiring(broker, 2000):
        state = ("--state-dir", str(tmp_path / "state"))
        program = connected(exporter(broker.url(), "--instance", "i", *state))
        publish_chats(broker, 0, 10)
        processed(program, 10)
        eventually(lambda: "message-ttl" in program.log(), timeout=30, what="it is removed")
        # An epoch later it is in the recovery store.
        _silent(program, 12)
        program.kill()
        program.start()
        connected(program)
        publish_chats(broker, 10, 20)
        assert_counted_once(broker, program, "i", 20, gaps=0)


def test_a_bookmark_outlives_the_acknowledgement_timeout_of_the_broker(
    victim: Broker, exporter: RunExporter
) -> None:
    # A minute is the least that RabbitMQ recommends. It checks once a minute; here, each second.
    victim.eval(
        "application:set_env(rabbit, consumer_timeout, 10000), "
        "application:set_env(rabbit, channel_tick_interval, 1000)."
    )
    try:
        program = connected(exporter(victim.url(), "--instance", "i"))
        publish_chats(victim, 0, 10)
        processed(program, 10)
        _silent(program, 25)
    finally:
        victim.eval(
            "application:set_env(rabbit, consumer_timeout, 1800000), "
            "application:set_env(rabbit, channel_tick_interval, 60000)."
        )
    samples = program.samples()
    assert (own(samples, "bus_disconnects_total"), own(samples, "bus_gaps_total")) == (0, 0)
    assert victim.queues()[INBOX]["messages"] == 1


def test_a_network_that_drops_everything_is_no_rule(broker: Broker, exporter: RunExporter) -> None:
    with Proxy(broker.port) as proxy:
        program = connected(exporter(proxy.url(broker.url()), "--instance", "i"))
        publish_chats(broker, 0, 10)
        processed(program, 10)
        proxy.hold()
        eventually(
            lambda: own(program.samples(), "bus_connected") == 0, timeout=60, what="it is noticed"
        )
        proxy.cure()
        connected(program, times=2, timeout=60)
        publish_chats(broker, 10, 20)
        assert_counted_once(broker, program, "i", 20, gaps=0)
        assert "message-ttl" not in program.log()
