"""A network between the exporter and the broker that does what networks do."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.integration.bus import connected, own, processed, publish_chats
from tests.integration.conftest import RunExporter
from tests.integration.recovery import (
    assert_recovered,
    fault,
    lost,
    told,
)
from tests.program import Exporter
from tests.proxy import Proxy, Way
from tests.servers import Broker
from tests.support import eventually

pytestmark = pytest.mark.usefixtures("with_exchange")


@pytest.fixture
def network(broker: Broker) -> Iterator[Proxy]:
    with Proxy(broker.port) as network:
        yield network


@pytest.fixture
def program(broker: Broker, network: Proxy, exporter: RunExporter) -> Exporter:
    """An exporter behind the network, which has counted ten messages."""
    program = connected(exporter(network.url(broker.url()), "--instance", "i"))
    publish_chats(broker, 0, 10)
    processed(program, 10)
    return program


def test_a_connection_that_is_reset_is_made_again(
    broker: Broker, network: Proxy, program: Exporter
) -> None:
    for times in range(2, 5):
        publish_chats(broker, 10 * times, 10 * times + 10)
        with fault(program):
            network.reset()
        connected(program, times=times)
    assert "reset" in told(program, "reset")
    assert_recovered(broker, program, "i", 40)


def test_a_peer_that_accepts_and_says_nothing_is_given_up_and_asked_again(
    broker: Broker, network: Proxy, program: Exporter
) -> None:
    with fault(program):
        network.hold()
        network.reset()
        publish_chats(broker, 10, 20)
        told(program, "does not answer")
    network.cure()
    assert_recovered(broker, program, "i", 20)


def test_connections_that_are_cut_at_any_byte_lose_and_double_nothing(
    broker: Broker, network: Proxy, program: Exporter
) -> None:
    # Within the greeting, the declarations, the first deliveries, and many more.
    network.cut_after(3, 700, 4000, 30_000)
    with fault(program):
        publish_chats(broker, 10, 1010)
        network.reset()
        eventually(lambda: network.connections == 6, timeout=40, what="all were cut")
    assert_recovered(broker, program, "i", 1010)


def test_a_connection_that_falls_silent_within_a_frame_is_given_up(
    broker: Broker, network: Proxy, program: Exporter
) -> None:
    # The second is being set up.
    network.stall_after(700)
    with fault(program):
        network.reset()
        publish_chats(broker, 10, 20)
        eventually(lambda: network.connections == 3, timeout=20, what="it is given up")
    assert_recovered(broker, program, "i", 20)


def test_a_link_that_slows_to_a_crawl_is_borne(
    broker: Broker, network: Proxy, program: Exporter
) -> None:
    with fault(program):
        network.throttle(2000)
        publish_chats(broker, 10, 510)
        eventually(lambda: own(program.samples(), "deliveries_total") > 30, what="it crawls")
        # A new connection can be made over it too.
        network.reset()
        eventually(lambda: own(program.samples(), "bus_connects_total") == 2, what="it is back")
    network.cure()
    assert_recovered(broker, program, "i", 510)


@pytest.mark.usefixtures("quick_heartbeats")
def test_black_holes_are_noticed_by_missing_heartbeats(
    broker: Broker, exporter: RunExporter
) -> None:
    ways = {"to": (Way.TO_BROKER,), "from": (Way.FROM_BROKER,), "both": tuple(Way)}
    with ExitStack() as stack:
        networks = {name: stack.enter_context(Proxy(broker.port)) for name in ways}
        programs = {
            name: exporter(network.url(broker.url()), "--instance", name)
            for name, network in networks.items()
        }
        for program in programs.values():
            connected(program)
        with fault(*programs.values()):
            for name, network in networks.items():
                network.hold(*ways[name])
            publish_chats(broker, 0, 10)
            for program in programs.values():
                lost(program)
        for network in networks.values():
            network.cure()
        for name, program in programs.items():
            assert_recovered(broker, program, name, 10)
