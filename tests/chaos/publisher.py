"""A publisher that is never cut itself, so that it knows what was published."""

import threading
import time
from typing import Protocol, Self

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


class Publisher:
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
        self._broker = broker
        self._vhost = vhost
        self._traffic = traffic
        self._rate = rate
        self.published = 0
        self._stop = threading.Event()
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="publisher")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._fault is not None:
            raise self._fault

    def _run(self) -> None:
        began = time.monotonic()
        try:
            due = 0
            while not self._stop.wait(0 if due == _MOST_AT_ONCE else _TICK_SECONDS):
                # By the clock: a tick that came late is made up for.
                due = int((time.monotonic() - began) * self._rate) - self.published
                due = min(due, _MOST_AT_ONCE)
                # Returns when the broker has committed all of them.
                publish(self._broker, "xivo", self._traffic.take(due), vhost=self._vhost)
                self.published += due
        except BaseException as fault:  # noqa: BLE001 -- handed to the thread of the trial
            self._fault = fault
