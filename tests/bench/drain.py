"""What programs make of a full inbox: the reference, the null reader, and ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple

from exporter.clock import wall_clock
from tests.bench.inbox import bus_of, fill, flags
from tests.bench.round import Round
from tests.integration.bus import Wire
from tests.program import Exporter
from tests.support import eventually

REFERENCE = "reference"
TIMEOUT_SECONDS = 600

REST_SECONDS = 0.03
MAX_REST_SHARE = 0.05
"""Of a core, while it rests: ten times what an idle exporter takes."""

_DELIVERIES = re.compile(r'^xivo_exporter_deliveries_total\{bus="default"\} (\S+)', re.MULTILINE)


class Drained(NamedTuple):
    """Figures of one drained inbox.

    Attributes:
        rate: Events a second.
        cpu: µs of each, of the whole process, in user and kernel mode.
    """

    rate: float
    cpu: float


def by_reference(run: Round) -> Drained:
    """Let the bus document's consumer read what the exporter uses."""
    return by_reference_of(run, run.mixes.used)


def by_reference_of(run: Round, wires: Sequence[Wire], *, is_stamped: bool = False) -> Drained:
    """Let the bus document's consumer read; `is_stamped` is that of `fill`."""
    fill(run.broker, REFERENCE, wires, {}, is_stamped=is_stamped)
    return _read(run, len(wires), "reference", run.broker.url(), REFERENCE)


def by_null_reader(run: Round) -> Drained:
    """Let one read that does nothing."""
    run.broker.declare_exchange("xivo")
    inbox = bus_of(run.broker.url()).inbox
    fill(run.broker, inbox.name, run.mixes.used, inbox.arguments())
    return _read(run, run.mixes.count, "null_reader", run.broker.url())


def ours(run: Round) -> Drained:
    """Let the exporter read what it uses."""
    return by_exporter(run, run.mixes.used)


def ours_of_firehose(run: Round) -> Drained:
    """Let the exporter read everything."""
    return by_exporter(run, run.mixes.firehose, "--bind-all")


def ours_of_wazo(run: Round) -> Drained:
    """Let the exporter read what it uses of Wazos of today."""
    return by_exporter(run, run.mixes.wazo)


def by_exporter(
    run: Round,
    wires: Sequence[Wire],
    *options: str,
    is_stamped: bool = False,
    watched: Callable[[int], AbstractContextManager[object]] = nullcontext,
) -> Drained:
    """Let an exporter with these options read; leave the broker as it was, without exchange.

    Args:
        run: Has the broker.
        wires: The messages.
        options: Of the exporter.
        is_stamped: That of `fill`.
        watched: Gets the process id, and returns what lasts from the exchange to the last message.
    """
    broker = run.broker
    inbox = bus_of(broker.url()).inbox
    fill(broker, inbox.name, wires, inbox.arguments(), is_stamped=is_stamped)
    with Exporter(run.folder, *flags(broker.url()), *options) as exporter:
        # It waits for the exchange, so that what its start costs can be told apart.
        eventually(lambda: exporter.logged("cannot connect, retrying"), what="it waits")
        with watched(exporter.pid):
            before = cpu_seconds(exporter.pid)
            broker.declare_exchange("xivo")
            eventually(lambda: exporter.logged("connected"), interval=0.01, what="it is connected")
            eventually(
                lambda: not broker.depth(inbox.name).ready,
                timeout=TIMEOUT_SECONDS,
                interval=0.1,
                what="all is on its way",
            )
            [(ended, after)] = eventually(
                lambda: _rest(exporter, len(wires)),
                timeout=TIMEOUT_SECONDS,
                interval=0,
                what="all is processed",
            )
        cpu = after - before
        [connected] = exporter.logged("connected")
        wall = ended - datetime.fromisoformat(connected["ts"]).timestamp()
    broker.clear()
    return Drained(len(wires) / wall, cpu / len(wires) * 1e6)


def cpu_of(measure: Callable[[Round], Drained]) -> Callable[[Round], float]:
    """Return what gives µs of an event, and drains once in a run."""
    return lambda run: run.once(measure).cpu


def rate_of(measure: Callable[[Round], Drained]) -> Callable[[Round], float]:
    """Return what gives events a second, and drains once in a run."""
    return lambda run: run.once(measure).rate


def cpu_seconds(pid: int) -> float:
    """Tell the processor time of a process, to the nanosecond, where /proc has ticks of 10 ms."""
    # As clock_getcpuclockid makes it of a process: the scheduler's clock is number 2.
    return time.clock_gettime(~pid << 3 | 2)


def _rest(exporter: Exporter, count: int) -> list[tuple[float, float]]:
    """Tell when it rested, all processed, and its processor time until then; else nothing."""
    began, cpu = wall_clock(), cpu_seconds(exporter.pid)
    time.sleep(REST_SECONDS)
    if cpu_seconds(exporter.pid) - cpu > REST_SECONDS * MAX_REST_SHARE:
        return []
    # Asked only now, for a scrape costs as much as a thousand events.
    found = _DELIVERIES.search(exporter.metrics())
    return [(began, cpu)] if found and float(found[1]) == count else []


def _read(run: Round, count: int, program: str, *arguments: str) -> Drained:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{program}", *arguments, str(count)],
        capture_output=True,
        text=True,
        check=True,
        timeout=TIMEOUT_SECONDS,
    )
    wall, cpu = json.loads(done.stdout)
    run.broker.clear()
    return Drained(count / wall, cpu / count * 1e6)
