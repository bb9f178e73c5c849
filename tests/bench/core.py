"""What the dataflow costs alone: decode and states, without bus, engine and store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC

from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.stage import Logic, Stage
from dataflows.subsystem import Subsystem
from dataflows.subsystems import SUBSYSTEMS
from exporter.clock import wall_clock
from exporter.engine.partition import BATCH
from exporter.settings import Settings
from tests.bench.round import Round
from tests.bench.traffic import stamped
from tests.integration.bus import Wire


def cpu_per_event(run: Round) -> float:
    """Measure what is used."""
    return cost(run.mixes.used)


def cpu_per_event_of_wazo(run: Round) -> float:
    """Measure what is used of Wazos of today."""
    return cost(run.mixes.wazo)


def cost(wires: Sequence[Wire]) -> float:
    """Call both as bytewax does; give µs of processor time for each event."""
    now = wall_clock()
    return cost_of(SUBSYSTEMS, [Delivery("bench", stamped(wire, now).body, now) for wire in wires])


def cost_of(subsystems: Sequence[Subsystem], deliveries: Sequence[Delivery]) -> float:
    """Do the same with some subsystems; the clock is that of the arrivals."""
    decode = Decode(subsystems, lambda _: UTC, lambda *_: None, Origins(lambda *_: None))
    options = Options(windows=Settings.model_fields["windows"].default)
    now = deliveries[0].arrived
    stage = Stage(subsystems, options, lambda: now)
    logics: dict[str, Logic] = {}
    began = time.process_time()
    for start in range(0, len(deliveries), BATCH):
        batch = deliveries[start : start + BATCH]
        now = batch[-1].arrived
        for key, values in decode(batch):
            if key not in logics:
                logics[key] = stage(None)
            logics[key].on_batch([values])
    return (time.process_time() - began) / len(deliveries) * 1e6
