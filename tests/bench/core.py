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
from dataflows.subsystems import SUBSYSTEMS
from exporter.clock import wall_clock
from exporter.engine.source import BATCH
from exporter.settings import Settings
from tests.bench.round import Round
from tests.bench.traffic import stamped
from tests.integration.bus import Wire


def cpu_per_event(run: Round) -> float:
    """Measure what is used."""
    return cost(run.used)


def cost(wires: Sequence[Wire]) -> float:
    """Call both as bytewax does; give µs of processor time for each event."""
    decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, Origins(lambda *_: None))
    options = Options(windows=Settings.model_fields["windows"].default)
    now = wall_clock()
    stage = Stage(SUBSYSTEMS, options, lambda: now)
    logics: dict[str, Logic] = {}
    deliveries = [Delivery("bench", stamped(wire, now).body, now) for wire in wires]
    began = time.process_time()
    for start in range(0, len(deliveries), BATCH):
        for key, values in decode(deliveries[start : start + BATCH]):
            if key not in logics:
                logics[key] = stage(None)
            logics[key].on_batch([values])
    return (time.process_time() - began) / len(deliveries) * 1e6
