"""A broker that stops, dies or freezes under the exporter."""

import time

from tests.integration.bus import (
    Wire,
    chat,
    connected,
    count_of,
    own,
    problems,
    processed,
    publish,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.integration.recovery import (
    RECOVERY_SECONDS,
    assert_recovered,
    fault,
    lost,
    told,
)
from tests.program import Exporter
from tests.servers import Broker
from tests.support import Stopwatch, eventually, within

OUTAGE_SECONDS = 10
HEARTBEAT_SECONDS = 10


def _serves(program: Exporter) -> None:
    """Check that a scrape is answered at once."""
    with within(1):
        assert program.get("/metrics").status == 200
    with within(2):
        assert program.get("/-/healthy").status == 200


def test_a_broker_that_stops_and_starts_is_found_again(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "before"))
    publish_chats(victim, 0, 100)
    processed(program, 100)
    eventually(lambda: victim.queues()["xivo-exporter.before.default"]["messages"] == 1)
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

    with fault(program, late):
        eventually(
            has_lasted, timeout=2 * OUTAGE_SECONDS, interval=0.5, what="the outage has lasted"
        )
    # What it knows is still true as far as it knows, and it was reached once.
    assert count_of(program.samples(), "xivo_chat_messages_total") == 100
    assert program.get("/-/ready").status == 200
    victim.start()
    for each in (program, late):
        connected(each, timeout=RECOVERY_SECONDS)
    publish_chats(victim, 100, 150)
    assert_recovered(victim, program, "before", 150)
    assert_recovered(victim, late, "during", 50)
    assert [own(each.samples(), "bus_disconnects_total") for each in (program, late)] == [1, 0]


def test_a_broker_that_is_killed_is_found_again_and_doubles_nothing(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "awake"))
    sleeper = connected(exporter(victim.url(), "--instance", "asleep"))
    publish_chats(victim, 0, 1000)
    processed(program, 1000)
    processed(sleeper, 1000)
    # For one of them the events wait while the broker restarts.
    sleeper.freeze()
    publish_chats(victim, 1000, 1500)
    with fault(program, sleeper):
        victim.kill()
        lost(program)
        _serves(program)
        victim.start()
        sleeper.thaw()
    connected(program, timeout=RECOVERY_SECONDS)
    publish_chats(victim, 1500, 2000)
    # It forgot acknowledgements and which messages had been delivered before.
    assert_recovered(victim, program, "awake", 2000)
    assert_recovered(victim, sleeper, "asleep", 2000)


def test_transient_events_that_a_broker_forgets_at_its_restart_are_a_gap(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "i"))
    transient = {"delivery_mode": 1}
    publish(victim, "xivo", [Wire(chat(i), properties=transient) for i in range(10)])
    processed(program, 10)
    program.freeze()
    # Otherwise these events can wait in the socket of the frozen process, which reads them later.
    victim.close_exporters()
    publish(victim, "xivo", [Wire(chat(i), properties=transient) for i in range(10, 20)])
    victim.stop()
    victim.start()
    program.thaw()
    connected(program, timeout=RECOVERY_SECONDS)
    publish_chats(victim, 20, 30)
    connected(program, timeout=RECOVERY_SECONDS)
    # What it knew may be wrong, so it begins again.
    eventually(
        lambda: count_of(program.samples(), "xivo_chat_messages_total") == 10,
        what=lambda: f"ten messages since the gap: {program.log()[-2000:]}",
    )
    samples = program.samples()
    assert own(samples, "bus_gaps_total") == 1
    assert own(samples, "used_total") == 20


def test_events_that_wait_while_the_broker_loses_its_disk_are_a_gap(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "i"))
    publish_chats(victim, 0, 10)
    processed(program, 10)
    program.freeze()
    # Otherwise these events can wait in the socket of the frozen process, which reads them later.
    victim.close_exporters()
    publish_chats(victim, 10, 20)
    victim.kill()
    victim.lose_disk()
    victim.start()
    program.thaw()
    told(program, "no exchange xivo")
    # The telephony server's daemons make it anew when they are back.
    victim.declare_exchange("xivo")
    connected(program, timeout=RECOVERY_SECONDS)
    publish_chats(victim, 20, 30)
    assert_recovered(victim, program, "i", 20, gaps=1)
    assert own(program.samples(), "bus_last_gap_timestamp_seconds") > 0


def test_a_frozen_broker_is_noticed_and_holds_nobody_up(
    victim: Broker, exporter: RunExporter
) -> None:
    program = connected(exporter(victim.url(), "--instance", "stays"))
    leaver = connected(exporter(victim.url(), "--instance", "leaves"))
    publish_chats(victim, 0, 100)
    processed(program, 100)
    processed(leaver, 100)
    victim.freeze()
    frozen = Stopwatch()
    assert leaver.terminate(timeout=5) == 0
    newcomer = exporter(victim.url(), "--instance", "comes")
    _serves(newcomer)

    def is_noticed() -> bool:
        _serves(program)
        return own(program.samples(), "bus_connected") == 0

    with fault(program, newcomer):
        eventually(
            is_noticed,
            timeout=3 * HEARTBEAT_SECONDS + 5,
            interval=0.5,
            what="the frost is noticed",
        )
    assert frozen.seconds < 3 * HEARTBEAT_SECONDS + 5
    eventually(lambda: problems(newcomer), what="the newcomer tells of its problem")
    assert newcomer.terminate(timeout=5) == 0
    victim.thaw()
    connected(program, timeout=RECOVERY_SECONDS)
    publish_chats(victim, 100, 200)
    assert_recovered(victim, program, "stays", 200)
