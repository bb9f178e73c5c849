"""The fastest consumer there can be, as a program: it reads as the exporter does, and forgets.

Its connection and decoder are the exporter's; it counts the deliveries and
acknowledges many at a time. What it drains in a second is what the broker delivers.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

from exporter.consumer.received import Received
from exporter.consumer.session import Channel, consume, declare
from tests.bench.inbox import bus_of

ACKNOWLEDGED_AT_ONCE = 1000


class _Reader:
    def __init__(self, channel: Channel) -> None:
        self.seen = 0
        self.began: tuple[float, float] | None = None
        self._channel = channel
        self._acknowledged = 0

    def take(self, batch: Sequence[Received]) -> None:
        if self.began is None:
            self.began = time.perf_counter(), time.process_time()
        self.seen += len(batch)
        if self.seen - self._acknowledged >= ACKNOWLEDGED_AT_ONCE:
            self._channel.basic_ack(batch[-1].tag, multiple=True)
            self._acknowledged = self.seen


def main() -> None:
    """Read so many messages, and print the seconds of wall and processor that they took."""
    url, wanted = sys.argv[1], int(sys.argv[2])
    bus = bus_of(url)
    with bus.brokers[0].connect() as connection:
        channel, _, _ = declare(connection, bus.inbox)
        reader = _Reader(channel)
        consume(channel, bus.inbox, reader.take)
        while reader.seen < wanted:
            connection.drain_events(timeout=10)
        wall, cpu = reader.began or (0.0, 0.0)
        print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


if __name__ == "__main__":
    main()
