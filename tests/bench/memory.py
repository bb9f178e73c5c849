"""What 100,000 entities with detail series take of memory, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC
from importlib import import_module
from typing import Any, NamedTuple

from dataflows.decode import Decode
from dataflows.envelope import Delivery
from dataflows.options import Options
from dataflows.origins import Origins
from dataflows.outputs import Changes
from dataflows.stage import Logic, Stage
from dataflows.subsystems import METRICS, SUBSYSTEMS, endpoints, lines
from exporter.exposition.render import Exposition
from exporter.exposition.store import SeriesStore
from exporter.settings import Settings
from tests.resident import resident

ENDPOINTS, LINES = endpoints.NAME, lines.NAME

_BATCH = 1000
_STATUSES = (0, 1, 2, 4, 8, 9, 16, 17)
_ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"


class Figures(NamedTuple):
    """Megabytes resident.

    Attributes:
        idle: Before the first event.
        held: With all entities, after a scrape.
        peak: While the answer to it was complete, as text, and not yet sent.
    """

    idle: float
    held: float
    peak: float


def measure(subsystem: str, count: int = 100_000) -> Figures:
    """Hold so many entities of a subsystem, `ENDPOINTS` or `LINES`, and be scraped once."""
    program = [sys.executable, "-m", "tests.bench.memory", subsystem, str(count)]
    done = subprocess.run(program, capture_output=True, text=True, check=True, timeout=300)
    return Figures(*json.loads(done.stdout))


def _measure(subsystem: str, count: int) -> Figures:
    # What the program has loaded counts, too.
    import_module("exporter.app")
    idle = resident() / 1e6
    options = Options(frozenset({subsystem}), windows=Settings.model_fields["windows"].default)
    stage = Stage(SUBSYSTEMS, options, lambda: 0.0)
    decode = Decode(SUBSYSTEMS, lambda _: UTC, lambda *_: None, Origins(lambda *_: None))
    store = SeriesStore(METRICS)
    exposition = Exposition(store, METRICS, [], lambda: False, float)
    logics: dict[str, Logic] = {}
    # Each changes once, and once more.
    for turn in range(2):
        for start in range(0, count, _BATCH):
            batch = [_status(subsystem, 10_000 + i, i + turn) for i in range(start, start + _BATCH)]
            by_key: dict[str, list[Any]] = {}
            for key, value in decode(batch):
                by_key.setdefault(key, []).append(value)
            for key, values in by_key.items():
                if key not in logics:
                    logics[key] = stage(None)
                for output in logics[key].on_batch(values)[0]:
                    if isinstance(output, Changes):
                        store.apply(output.samples)
    body = [*exposition.render()]
    peak = resident() / 1e6
    del body
    return Figures(idle, resident() / 1e6, peak)


def _status(subsystem: str, number: int, turn: int) -> Delivery:
    body = _endpoint(number, turn) if subsystem == ENDPOINTS else _line(number, turn)
    return Delivery("bench", json.dumps({**body, "origin_uuid": _ORIGIN}).encode(), 1.0)


def _endpoint(number: int, turn: int) -> dict[str, object]:
    status = _STATUSES[turn % len(_STATUSES)]
    data = {"xivo_id": "ca7f87e9", "endpoint_id": number, "status": status}
    return {"name": "endpoint_status_update", "data": data}


def _line(number: int, turn: int) -> dict[str, object]:
    data = {
        "id": number,
        "technology": "sip",
        "name": f"{number:x}",
        "registered": turn % 4 > 0,
        "current_call_count": int(turn % 10 == 0),
    }
    return {"name": "line_status_updated", "data": data}


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
