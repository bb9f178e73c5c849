"""A slow link that breaks every few seconds, and rules of the broker for its queues."""

import threading
from itertools import pairwise

import pytest

from tests.integration.bus import connected, own, processed, publish_chats
from tests.integration.conftest import RunExporter
from tests.integration.recovery import assert_counted_once
from tests.proxy import Proxy
from tests.servers import Broker

pytestmark = pytest.mark.usefixtures("with_exchange")

BYTES_PER_SECOND = 40_000
BREAK_SECONDS = 3.0


def test_a_slow_link_that_breaks_every_three_seconds_brings_everything(
    broker: Broker, exporter: RunExporter
) -> None:
    count = 2000
    with Proxy(broker.port) as proxy:
        program = connected(exporter(proxy.url(broker.url()), "--instance", "i"))
        publish_chats(broker, 0, 100)
        processed(program, 100)
        proxy.throttle(BYTES_PER_SECOND)
        publish_chats(broker, 100, count)
        is_over = threading.Event()
        progress: list[int] = []

        def break_again() -> None:
            while not is_over.wait(BREAK_SECONDS):
                progress.append(int(own(program.samples(), "used_total")))
                proxy.reset()

        breaker = threading.Thread(target=break_again)
        breaker.start()
        try:
            samples = assert_counted_once(broker, program, "i", count, timeout=180)
        finally:
            is_over.set()
            breaker.join()
    assert len(progress) >= 3
    # Each connection that was used for its three seconds brought something.
    assert sum(after > before for before, after in pairwise(progress)) >= 2
    assert own(samples, "deliveries_held") == 0
