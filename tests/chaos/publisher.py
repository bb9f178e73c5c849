"""A publisher that is never cut itself, so that it knows what was published."""

import time
from typing import Protocol

from tests.chaos.working import Working
from tests.integration.bus import Wire, publish
from tests.servers import Broker

_TICK_SECONDS = 0.05

_MOST_AT_ONCE = 500
"""After a commit that took long, so that the next one does not take longer still."""


class Source(Protocol):
    """Where messages come from."""

    def take(self, count: int, /) -> list[Wire]:
        """Give the next messages."""
        ...


class Publisher(Working):
    """Publishes at a steady rate, in a thread, until the end of its context.

    Args:
        broker: With an exchange `xivo`.
        traffic: Where the messages come from.
        rate: Messages a second.
        vhost: Where the exchange is.

    Attributes:
        published: How many messages the broker has committed.
    """

    def __init__(self, broker: Broker, traffic: Source, rate: int, *, vhost: str = "/") -> None:
        super().__init__("publisher")
        self._broker = broker
        self._vhost = vhost
        self._traffic = traffic
        self._rate = rate
        self.published = 0

    def _work(self) -> None:
        began = time.monotonic()
        due = 0
        while not self._stop.wait(0 if due == _MOST_AT_ONCE else _TICK_SECONDS):
            # By the clock: a tick that came late is made up for.
            due = int((time.monotonic() - began) * self._rate) - self.published
            due = min(due, _MOST_AT_ONCE)
            # Returns when the broker has committed all of them.
            publish(self._broker, "xivo", self._traffic.take(due), vhost=self._vhost)
            self.published += due
