"""How long it takes from the program's start until it is ready and shows what it knew."""

from __future__ import annotations

import time
from http import HTTPStatus
from pathlib import Path

from tests.bench.entities import status_of_endpoint
from tests.bench.inbox import bus_of, fill, flags
from tests.bench.round import Round
from tests.integration.bus import Wire
from tests.program import Exporter
from tests.support import eventually

ENTITIES = 100_000


def empty(run: Round) -> float:
    """Give seconds without a recovery store."""
    run.broker.declare_exchange("xivo")
    took = _start(run)
    run.broker.clear()
    return took


def kept(run: Round) -> float:
    """Give seconds with the state of many entities."""
    state = run.folder / "entities"
    if not state.exists():
        _keep(run, state)
    run.broker.declare_exchange("xivo")
    took = _start(run, "--state-dir", str(state), knows=ENTITIES)
    run.broker.clear()
    return took


def _keep(run: Round, state: Path) -> None:
    """Let an exporter learn of the entities, and end in good order."""
    run.broker.declare_exchange("xivo")
    inbox = bus_of(run.broker.url()).inbox
    wires = [Wire(status_of_endpoint(number), "status.endpoint") for number in range(ENTITIES)]
    fill(run.broker, inbox.name, wires, inbox.arguments())
    _start(run, "--state-dir", str(state), knows=ENTITIES)
    run.broker.clear()


def _start(run: Round, *options: str, knows: int = 0) -> float:
    began = time.monotonic()
    with Exporter(run.folder, *flags(run.broker.url()), *options) as exporter:
        eventually(
            lambda: exporter.get("/-/ready").status == HTTPStatus.OK, interval=0.01, what="ready"
        )
        eventually(
            lambda: _known(exporter) == knows, timeout=60, interval=0.01, what="all is shown"
        )
        took = time.monotonic() - began
        exporter.terminate()
    return took


def _known(exporter: Exporter) -> float:
    series = exporter.samples().items()
    return sum(value for (name, _), value in series if name == "xivo_endpoints")
