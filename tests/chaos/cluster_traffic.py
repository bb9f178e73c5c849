"""Traffic of many servers, each on a bus of its own, published from one thread."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any
from uuid import UUID

from tests.chaos.numbered import Numbered
from tests.chaos.working import Working
from tests.integration.bus import send
from tests.servers import Broker

_TICK_SECONDS = 0.25
"""From one round over all buses to the next."""

_MOST_AT_ONCE = 200
"""Messages of a server in a round, after one that took long."""


def bus_of(server: int) -> str:
    """Return the name of the bus of a server, and of its vhost."""
    return f"site-{server}"


class Fleet(Working):
    """Servers that publish at a steady rate, until the end of the context.

    Args:
        broker: Has a vhost for each server.
        servers: How many.
        rate: Messages a second, of all servers together.
        seed: Of all chance.
        now: Unix seconds.

    Attributes:
        sources: What each server publishes, by the name of its bus.
        published: How many messages the broker has committed.
    """

    def __init__(self, broker: Broker, servers: int, *, rate: float, seed: int, now: float) -> None:
        super().__init__("fleet")
        self.sources = {
            bus_of(server): Numbered(
                seed=seed * servers + server,
                rate=max(1, round(rate / servers)),
                now=now,
                bus=bus_of(server),
                origin=str(UUID(int=seed << 64 | server + 1)),
            )
            for server in range(servers)
        }
        self.published = 0
        self._broker = broker
        self._rate = rate / servers

    def _work(self) -> None:
        with ExitStack() as stack:
            channels = [
                stack.enter_context(self._broker.channel(vhost=bus)) for bus in self.sources
            ]
            for channel in channels:
                channel.tx_select()
            self._publish(channels)

    def _publish(self, channels: Sequence[Any]) -> None:
        began = time.monotonic()
        sent = [0] * len(channels)
        while not self._stop.wait(_TICK_SECONDS):
            for server, (channel, source) in enumerate(
                zip(channels, self.sources.values(), strict=True)
            ):
                due = int((time.monotonic() - began) * self._rate) - sent[server]
                wires = source.take(min(due, _MOST_AT_ONCE))
                for wire in wires:
                    send(channel, wire)
                # Returns when the broker has them.
                channel.tx_commit()
                sent[server] += len(wires)
                self.published += len(wires)
