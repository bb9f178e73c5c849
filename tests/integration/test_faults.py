"""A broker that stops, dies or freezes under the exporter."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import Certificates
from tests.integration.bus import (
    Wire,
    assert_account_balances,
    chat,
    connected,
    count_of,
    own,
    problems,
    processed,
    publish,
)
from tests.integration.conftest import RunExporter
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually

OUTAGE_SECONDS = 10
HEARTBEAT_SECONDS = 10


@pytest.fixture(scope="module")
def poor_broker(rabbitmq: Path, certificates: Certificates) -> Iterator[Broker]:
    """A broker that every test of this module maltreats, and leaves running and empty."""
    with Broker() as broker:
        yield broker


@pytest.fixture
def victim(poor_broker: Broker) -> Iterator[Broker]:
    poor_broker.declare_exchange("xivo")
    yield poor_broker
    poor_broker.thaw()
    if not poor_broker.running:
        poor_broker.start()
    poor_broker.clear()


def _serves(program: Exporter) -> None:
    """Check that a scrape is answered at once."""
    start = time.monotonic()
    answer = program.get("/metrics", timeout=2)
    assert answer.status == 200
    assert time.monotonic() - start < 1
    assert program.get("/-/healthy", timeout=2).status == 200


def test_a_broker_that_stops_and_starts_is_found_again(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "before"))
    publish(victim, "xivo", [Wire(chat(i)) for i in range(100)])
    processed(program, 100)
    eventually(lambda: not victim.queues()["xivo-exporter.before.default"]["messages"])
    victim.stop()
    stopped = time.monotonic()
    eventually(lambda: own(program.samples(), "bus_connected") == 0, what="the stop is noticed")

    # Started while the bus is down: it serves, and says why it is not ready.
    late = exporter(victim.url(), "--instance", "during")
    eventually(lambda: problems(late), what="the problem is told")
    _serves(late)
    ready = late.get("/-/ready")
    assert ready.status == 503
    assert "refused" in ready.text
    assert own(late.samples(), "deliveries_total") == 0

    def has_lasted() -> bool:
        _serves(program)
        return time.monotonic() - stopped > OUTAGE_SECONDS

    eventually(has_lasted, timeout=2 * OUTAGE_SECONDS, what="the outage has lasted")
    # What it knows is still true as far as it knows, and it was reached once.
    assert count_of(program.samples(), "xivo_chat_messages_total") == 100
    assert program.get("/-/ready").status == 200
    victim.start()
    connected(program, times=2, timeout=30)
    connected(late, times=1, timeout=30)
    assert late.get("/-/ready").status == 200
    publish(victim, "xivo", [Wire(chat(i)) for i in range(100, 150)])
    samples = processed(program, 150)
    assert count_of(samples, "xivo_chat_messages_total") == 150
    assert own(samples, "bus_disconnects_total") == 1
    assert own(samples, "bus_gaps_total") == 0
    assert count_of(processed(late, 50), "xivo_chat_messages_total") == 50
    assert own(late.samples(), "bus_disconnects_total") == 0
    assert len(problems(late)) <= 3
    assert len(program.logged("disconnected")) == 1


def test_a_broker_that_is_killed_is_found_again_and_doubles_nothing(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "i"))
    publish(victim, "xivo", [Wire(chat(i)) for i in range(1000)])
    processed(program, 1000)
    publish(victim, "xivo", [Wire(chat(i)) for i in range(1000, 1500)])
    victim.kill()
    eventually(lambda: own(program.samples(), "bus_connected") == 0, what="the end is noticed")
    _serves(program)
    victim.start()
    connected(program, times=2, timeout=30)
    publish(victim, "xivo", [Wire(chat(i)) for i in range(1500, 2000)])
    eventually(
        lambda: count_of(program.samples(), "xivo_chat_messages_total") >= 2000,
        what=lambda: f"2000 messages; {program.log()}",
    )
    eventually(lambda: not victim.queues()["xivo-exporter.i.default"]["messages"])
    samples = program.samples()
    assert own(samples, "bus_disconnects_total") == 1
    assert own(samples, "bus_gaps_total") == 0
    assert_account_balances(samples)
    # It forgot acknowledgements and which messages had been delivered before.
    assert count_of(samples, "xivo_chat_messages_total") == 2000


def test_a_frozen_broker_is_noticed_and_holds_nobody_up(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "stays"))
    leaver = connected(exporter(victim.url(), "--instance", "leaves"))
    publish(victim, "xivo", [Wire(chat(i)) for i in range(100)])
    processed(program, 100)
    processed(leaver, 100)
    victim.freeze()
    frozen = time.monotonic()
    assert leaver.terminate(timeout=5) == 0
    newcomer = exporter(victim.url(), "--instance", "comes")
    _serves(newcomer)

    def is_noticed() -> bool:
        _serves(program)
        return own(program.samples(), "bus_connected") == 0

    eventually(is_noticed, timeout=3 * HEARTBEAT_SECONDS + 5, what="the frost is noticed")
    assert time.monotonic() - frozen < 3 * HEARTBEAT_SECONDS + 5
    eventually(lambda: problems(newcomer), what="the newcomer tells of its problem")
    assert newcomer.terminate(timeout=5) == 0
    victim.thaw()
    connected(program, times=2, timeout=30)
    publish(victim, "xivo", [Wire(chat(i)) for i in range(100, 200)])
    eventually(
        lambda: count_of(program.samples(), "xivo_chat_messages_total") == 200,
        what=lambda: f"200 messages; {program.log()}",
    )
    assert own(program.samples(), "bus_disconnects_total") == 1
    assert_account_balances(program.samples())
