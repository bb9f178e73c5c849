"""The inbox that is drained: large enough for all that is put into it."""

from __future__ import annotations

from collections.abc import Sequence

from exporter.clock import wall_clock
from exporter.consumer import Bus, configured_buses
from exporter.settings import BusSettings, Settings
from exporter.settings.bus_url import BusUrls
from tests.bench.traffic import stamped
from tests.integration.bus import Wire, send
from tests.servers import Broker
from tests.support import eventually

INSTANCE = "bench"
LIMITS = {"inbox_max_length": 10**7, "inbox_max_bytes": 2**33}

AT_ONCE = 1000
"""Messages until the broker has read them: the kernel can keep as many. Else the connection would
break, because py-amqp gives up when a busy broker does not read for a second."""

_FILL_SECONDS = 300


def bus_of(url: str) -> Bus:
    """Give the bus as the measured exporter sees it."""
    settings = BusSettings(url=BusUrls.parse(url))
    [bus] = configured_buses(Settings(instance=INSTANCE, buses=(settings,), **LIMITS))
    return bus


def flags(url: str) -> list[str]:
    """Give the flags of the measured exporter."""
    values = {"bus_url": url, "bus_timezone": "UTC", "instance": INSTANCE, **LIMITS}
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]


def fill(
    broker: Broker,
    queue: str,
    wires: Sequence[Wire],
    arguments: dict[str, object],
    *,
    is_stamped: bool = False,
) -> None:
    """Make an AMQP queue, and put messages into it; return when all are there.

    Args:
        broker: Has the queue.
        queue: Its name.
        wires: The messages.
        arguments: Of the queue.
        is_stamped: Whether their time stamps stay, because they are from today.
    """
    broker.declare_queue(queue, arguments)
    # Past the default exchange, for the routing keys are to be real.
    broker.declare_exchange(_FILLING, "fanout")
    broker.bind(queue, _FILLING)
    with broker.channel() as channel:
        # Else py-amqp would look for news of the broker before each message.
        channel.connection.client_properties = {}
        for start in range(0, len(wires), AT_ONCE):
            now = wall_clock()
            for wire in wires[start : start + AT_ONCE]:
                send(channel, wire if is_stamped else stamped(wire, now), _FILLING)
            channel.queue_declare(queue, passive=True)
        # For transactions, the broker would need half as much CPU again.
        eventually(
            lambda: broker.depth(queue).ready == len(wires),
            timeout=_FILL_SECONDS,
            what="the inbox is full",
        )


_FILLING = "filling"
