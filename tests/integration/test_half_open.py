"""Packets that the network drops, between two real TCP stacks.

Where the kernel does not let us make a network of our own, the black holes of `test_network` are
what is tested.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cable import Cable
from tests.integration.bus import connected, processed, publish_chats
from tests.integration.recovery import assert_recovered, fault, told
from tests.program import PROGRAM, Exporter
from tests.proxy import Proxy
from tests.servers import Broker
from tests.support import eventually


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable() as cable:
        yield cable


@pytest.fixture
def program(broker: Broker, cable: Cable, tmp_path: Path) -> Iterator[Exporter]:
    """An exporter at the other end of the cable, which has counted ten messages."""
    broker.declare_exchange("xivo")
    run = cable.inside(*PROGRAM, "run", "--listen", f"{cable.pages}:0")
    with Proxy(broker.port, cable.near) as network:
        flags = ("--bus-url", network.url(broker.url()), "--instance", "i")
        with Exporter(tmp_path, *flags, program=run) as exporter:
            connected(exporter)
            publish_chats(broker, 0, 10)
            processed(exporter, 10)
            yield exporter


def test_packets_lost_for_seconds_do_not_break_a_connection(
    broker: Broker, cable: Cable, program: Exporter
) -> None:
    cut = time.monotonic()
    with fault(program):
        cable.cut()
        publish_chats(broker, 10, 20)
        eventually(lambda: time.monotonic() > cut + 6, what="a heartbeat was lost")
    cable.mend()
    assert_recovered(broker, program, "i", 20)
    assert not program.logged("disconnected")


@pytest.mark.usefixtures("quick_heartbeats")
def test_a_connection_that_is_half_open_is_given_up_on_both_sides(
    broker: Broker, cable: Cable, program: Exporter
) -> None:
    with fault(program):
        cable.cut()
        publish_chats(broker, 10, 20)
        told(program, "does not answer")
    cable.mend()
    assert_recovered(broker, program, "i", 20)
