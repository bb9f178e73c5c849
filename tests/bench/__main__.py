"""`make bench`: what one event costs, next to the bus document's own consumer.

Both read the same messages from the same private broker in the same run, each
from a queue that was filled beforehand. The ratio means something on any
machine; the figures mean something on this one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.stage import Logic, Stage
from dataflows.subsystem import Options
from dataflows.subsystems import SUBSYSTEMS
from exporter.consumer import Inbox
from exporter.settings import Settings
from exporter.simulation.wire import Message
from exporter.simulator import CallCentre
from tests.integration.bus import CHAT, chat
from tests.program import Exporter
from tests.servers import Broker
from tests.support import eventually

INSTANCE = "bench"
REFERENCE = "reference"
BATCH = 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser("make bench", description=__doc__)
    parser.add_argument("--events", type=int, default=60_000, help="how many (default: 60000)")
    count: int = parser.parse_args().events
    messages = list(islice(_messages(), count))
    bodies = [message.body for message in messages]
    print(f"{count} events of a simulated call centre, {sum(map(len, bodies)) // count} bytes each")
    _row("", "events/s", "CPU µs/event")
    _row("dataflow alone, no bus", *_core(messages))
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        reference = _reference(broker, bodies)
        _row("bus document's ConsumerMixin", *reference)
        whole = _whole(broker, bodies, Path(folder))
        _row("xivo-exporter run", *whole)
    print(f"ratio: {whole[0] / reference[0]:.2f} of the events/s, ", end="")
    print(f"{whole[1] / reference[1]:.2f} of the CPU per event")


def _row(name: str, rate: float | str, cpu: float | str) -> None:
    numbers = [
        f"{n:,.1f}"
        if isinstance(n, float) and n < 1000
        else f"{n:,.0f}"
        if isinstance(n, float)
        else n
        for n in (rate, cpu)
    ]
    print(f"{name:30} {numbers[0]:>12} {numbers[1]:>14}")


def _messages() -> Iterator[Message]:
    centre = CallCentre(
        agents=500, seed=1, start=datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp(), noise=False
    )
    until = datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp()
    while True:
        until += 60
        yield from centre.until(until)


def _core(messages: list[Message]) -> tuple[float, float]:
    """Decode and states, called as bytewax calls them; windows close by the simulated time."""
    decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, tuple)
    options = Options(windows=Settings.model_fields["windows"].default)
    now = 0.0
    stage = Stage(SUBSYSTEMS, options, lambda: now, 10_000)
    logics: dict[str, Logic] = {}
    deliveries = [Delivery("bench", message.body, message.at) for message in messages]
    begin = time.process_time()
    for start in range(0, len(deliveries), BATCH):
        batch = deliveries[start : start + BATCH]
        now = batch[-1].arrived
        for key, values in decode(batch):
            if key not in logics:
                logics[key] = stage(None)
            logics[key].on_batch([values])
    cpu = (time.process_time() - begin) / len(messages)
    return 1 / cpu, cpu * 1e6


def _fill(broker: Broker, queue: str, bodies: list[bytes], arguments: dict[str, object]) -> None:
    broker.declare_queue(queue, arguments, durable=True, auto_delete=False)
    for start in range(0, len(bodies), 5000):
        broker.publish_all("", [(queue, body) for body in bodies[start : start + 5000]])


def _reference(broker: Broker, bodies: list[bytes]) -> tuple[float, float]:
    _fill(broker, REFERENCE, bodies, {})
    program = [sys.executable, "-m", "tests.bench.reference", broker.url(), REFERENCE]
    done = subprocess.run(
        [*program, str(len(bodies))], capture_output=True, text=True, check=True, timeout=300
    )
    wall, cpu = json.loads(done.stdout)
    broker.delete_queue(REFERENCE)
    return len(bodies) / wall, cpu / len(bodies) * 1e6


def _whole(broker: Broker, bodies: list[bytes], folder: Path) -> tuple[float, float]:
    limits = Settings(instance=INSTANCE, inbox_max_length=10**7, inbox_max_bytes=2**31)
    inbox = Inbox(
        f"xivo-exporter.{INSTANCE}.{limits.buses[0].name}",
        limits.inbox_expires,
        limits.inbox_max_length,
        limits.inbox_max_bytes,
        limits.buses[0].exchange,
        (),
    )
    _fill(broker, inbox.name, bodies, inbox.arguments())
    arguments = [
        "--bus-url", broker.url(), "--instance", INSTANCE,
        "--inbox-max-length", str(limits.inbox_max_length),
        "--inbox-max-bytes", str(limits.inbox_max_bytes),
    ]  # fmt: skip
    with Exporter(folder, *arguments) as exporter:
        # It waits for the exchange, so that what its start costs can be told apart.
        eventually(lambda: exporter.logged("cannot connect, trying on"), what="it waits")
        before = exporter.value("process_cpu_seconds_total") or 0.0
        broker.declare_exchange("xivo")

        eventually(lambda: exporter.logged("connected"), what="it is connected")
        # What waited counts as arrived at the connection; this comes behind it, in real time.
        broker.publish("xivo", CHAT, chat())

        def is_done() -> bool:
            done = exporter.value("xivo_exporter_deliveries_total", bus="default")
            return done == len(bodies) + 1

        eventually(is_done, timeout=300, interval=1, what="all events are counted")
        cpu = (exporter.value("process_cpu_seconds_total") or 0.0) - before
        last = exporter.value("xivo_exporter_last_delivery_timestamp_seconds", bus="default")
        [connected] = exporter.logged("connected")
        wall = (last or 0.0) - datetime.fromisoformat(connected["ts"]).timestamp()
    return len(bodies) / wall, cpu / len(bodies) * 1e6


if __name__ == "__main__":
    main()
