"""A link that carries little and breaks again and again, while messages pile up in the inbox."""

import time
from typing import NamedTuple

from tests.chaos.traffic import BUS, Traffic
from tests.integration.bus import own
from tests.program import Exporter
from tests.proxy import Proxy, Way
from tests.support import eventually

LEAST_SHARE = 0.1
"""Of the bytes that a link carries, those of bodies that are processed for the first time: also
handshakes, headers and redeliveries of the last second of each connection are carried."""

_PATIENCE = 20
"""Times as long as the link would take if it were always used. Reconnecting needs its pauses."""

_CAUGHT_UP_SECONDS = 600


class BadLink(NamedTuple):
    """A link between the exporter and its broker.

    Attributes:
        bytes_per_second: What it carries, in each direction.
        reset_seconds: From one reset of all connections to the next.
        connections: How many whole connections' worth of bytes it carries until it is cured.
    """

    bytes_per_second: int
    reset_seconds: float
    connections: int = 4

    def __str__(self) -> str:
        return f"{self.bytes_per_second / 1000:g} kB/s, a reset every {self.reset_seconds:g} s"


class Phase(NamedTuple):
    """What came of a bad link.

    Attributes:
        link: The link.
        carried: Bytes from the broker.
        processed: Bytes of the bodies of the messages that were processed for the first time.
    """

    link: BadLink
    carried: int
    processed: int

    @property
    def share(self) -> float:
        """The part of what was carried that brought the exporter on."""
        return self.processed / self.carried

    def __str__(self) -> str:
        return f"{self.link}; {self.share:.0%} of {self.carried / 1000:.0f} kB brought it on"


def suffer(link: BadLink, proxy: Proxy, exporter: Exporter, traffic: Traffic) -> Phase:
    """Let the exporter catch up, then read over a bad link.

    Args:
        link: The link.
        proxy: Between the exporter and its broker.
        exporter: Runs, keeps its state, and is read through the proxy.
        traffic: Goes on meanwhile.
    """
    traffic.is_small = True
    last_large = len(traffic.history)
    eventually(
        lambda: _processed(exporter) >= last_large,
        timeout=_CAUGHT_UP_SECONDS,
        interval=0.5,
        what=lambda: f"it catches up: {exporter.log()[-2000:]}",
        # It may just be starting.
        ignoring=(OSError, IndexError, KeyError),
    )
    # The connection of before has nothing to compare: what counts is how it goes on after a reset.
    proxy.throttle(link.bytes_per_second)
    time.sleep(link.reset_seconds)
    proxy.reset()
    before = _processed(exporter)
    carried = flap(link, proxy)
    after = _processed(exporter)
    traffic.is_small = False
    return Phase(link, carried, sum(traffic.sizes[before:after]))


def flap(link: BadLink, proxy: Proxy) -> int:
    """Let a proxy be this link until it has carried enough, and return the bytes from the broker.

    Raises:
        AssertionError: Nobody uses it, or hardly.
    """
    start = proxy.carried(Way.FROM_BROKER)
    wanted = link.bytes_per_second * link.reset_seconds * link.connections
    deadline = time.monotonic() + _PATIENCE * link.reset_seconds * link.connections
    proxy.throttle(link.bytes_per_second)
    while (carried := proxy.carried(Way.FROM_BROKER) - start) < wanted:
        assert time.monotonic() < deadline, f"only {carried} of {wanted} bytes wanted: {link}"
        time.sleep(link.reset_seconds)
        proxy.reset()
    proxy.cure()
    return carried


def _processed(exporter: Exporter) -> int:
    """Return how many messages were processed: all that were published before the next one."""
    samples = exporter.samples()
    return int(own(samples, "deliveries_total", BUS) - own(samples, "duplicates_total", BUS))
