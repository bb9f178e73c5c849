"""Nothing lost and nothing counted twice, whatever becomes of the connection or of us."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.bus import (
    INBOX,
    account_watched,
    connected,
    count_of,
    own,
    processed,
    publish_chats,
)
from tests.integration.conftest import RunExporter
from tests.integration.recovery import assert_counted_once
from tests.program import Exporter, samples_of
from tests.servers import Broker
from tests.support import eventually

# The program, and what it would have shown at the very end.
_WITH_LAST_WORDS = """
import sys
from exporter import logs
from exporter.app import App
from exporter.commands.command_line import parse
from exporter.consumer import configured_buses
settings = parse(sys.argv[1:])
logs.configure(settings.log_level, settings.log_format)
app = App(settings, configured_buses(settings))
ended_well = app.run()
print(b"".join(app.metrics()).decode())
sys.exit(not ended_well)
"""


pytestmark = pytest.mark.usefixtures("with_exchange")


@contextmanager
def publishing(broker: Broker, count: int, chunk: int) -> Iterator[threading.Thread]:
    """Publish so many chat messages, while something happens."""

    def run() -> None:
        for start in range(0, count, chunk):
            publish_chats(broker, start, start + chunk)

    publisher = threading.Thread(target=run)
    publisher.start()
    yield publisher
    publisher.join(60)


def test_connections_closed_by_the_server_under_load_lose_and_double_nothing(
    broker: Broker, exporter: RunExporter
) -> None:
    count = 20_000
    program = connected(exporter(broker.url(), "--instance", "i"))

    def cut_again(publisher: threading.Thread) -> None:
        enough = own(program.samples(), "deliveries_total") + 1000
        eventually(
            lambda: (
                own(program.samples(), "deliveries_total") >= enough or not publisher.is_alive()
            ),
            timeout=60,
            what="it reads again",
        )
        broker.close_exporters()

    with account_watched(program):
        with publishing(broker, count, chunk=500) as publisher:
            while publisher.is_alive() or own(program.samples(), "bus_disconnects_total") < 2:
                cut_again(publisher)
        samples = assert_counted_once(broker, program, "i", count, timeout=30)
    assert own(samples, "bus_disconnects_total") >= 2


def test_a_connection_closed_while_thousands_are_on_their_way_doubles_nothing(
    broker: Broker, exporter: RunExporter
) -> None:
    count = 5000
    program = connected(exporter(broker.url(), "--instance", "i"))
    publish_chats(broker, 0, 100)
    processed(program, 100)
    # Everything that fits is in its socket when it wakes up, and the end of the connection is
    # behind it: what it acknowledges until then, nobody reads any more.
    program.freeze()
    publish_chats(broker, 100, count)
    broker.close_exporters()
    program.thaw()
    connected(program, times=2)
    assert_counted_once(broker, program, "i", count, timeout=30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_under_load_acknowledges_just_what_was_counted(
    broker: Broker, tmp_path: Path, number: signal.Signals
) -> None:
    count = 10_000
    arguments = ("--bus-url", broker.url(), "--instance", "i")
    program = (sys.executable, "-c", _WITH_LAST_WORDS, "run", "--listen", "127.0.0.1:0")
    with Exporter(tmp_path, *arguments, program=program) as exporter:
        connected(exporter)
        with publishing(broker, count, chunk=1000):
            eventually(
                lambda: own(exporter.samples(), "deliveries_total") > 500, what="it is at work"
            )
            os.kill(exporter.pid, number)
            assert exporter.wait(timeout=5) == 0
        first = samples_of(exporter.output())
        left = broker.queues()[INBOX]["messages"]
        counted = count_of(first, "xivo_chat_messages_total")
        assert own(first, "deliveries_total") == counted
        assert counted + left == count
        assert 500 < counted < count, "the stop was not under load"
        connected(exporter.start())
        rest = processed(exporter, left)
        assert count_of(rest, "xivo_chat_messages_total") + counted == count
        assert exporter.terminate(timeout=5) == 0
    assert broker.queues()[INBOX]["messages"] == 0
    assert "Traceback" not in exporter.log()


def test_a_backlog_is_worked_off_and_stopped_in(broker: Broker, exporter: RunExporter) -> None:
    count = 12_000
    program = connected(exporter(broker.url(), "--instance", "i"))
    assert program.terminate(timeout=5) == 0
    publish_chats(broker, 0, count)
    # Bytes on their way to a full prefetch must not hold up the stop.
    program.start()
    eventually(
        lambda: own(program.samples(), "deliveries_total") > 0,
        what="it is at work",
        # The series begin with the dataflow.
        ignoring=(KeyError,),
    )
    assert program.terminate(timeout=5) == 0
    left = broker.queues()[INBOX]["messages"]
    assert 0 < left < count
    samples = processed(connected(program.start()), left)
    assert count_of(samples, "xivo_chat_messages_total") == left
