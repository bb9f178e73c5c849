"""What 1,000 agents cost: CPU and memory of an exporter, with its APIs asked each minute.

    .venv/bin/python -m tests.bench.sizing

A call centre is simulated in real time, at the rate of its busiest hour, and published to a broker.
Two exporters read it at the same time, one of them with details. Both ask the APIs of the call
centre. The table has what they take with each number of agents, and what 1,000 agents add.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from exporter.clock import wall_clock
from exporter.commands.demo_api import DemoApi
from exporter.settings import Generation
from exporter.simulation.simulator import CallCentre
from tests.bench.drain import cpu_seconds
from tests.bench.inbox import flags
from tests.bench.live import SERVERS, SPEED, publishing
from tests.integration.bus import own
from tests.program import Exporter
from tests.resident import resident
from tests.servers import Broker
from tests.support import eventually

AGENTS = (1000, 2000)
API_SECONDS = 60
"""Between two requests for the whole state: five times as often as by default."""

_SETTLE_SECONDS = 15


class Load(NamedTuple):
    """What one exporter takes.

    Attributes:
        events: Deliveries in a second.
        cpu: % of a core.
        memory: Resident, MB, after the measurement.
    """

    events: float
    cpu: float
    memory: float


def main() -> None:
    """Measure all, and print the table."""
    options = _options()
    print(_row(_HEAD))
    print(_row(["---"] * len(_HEAD)))
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        for generation, server in SERVERS.items():
            measured = [
                measure(broker, Path(folder), generation, agents, options.seconds)
                for agents in AGENTS
            ]
            for details, few, many in zip(("none", server.details), *measured, strict=True):
                print(_row([server.name, details, *_cells(few, many)]), flush=True)


_HEAD = (
    *("server", "details"),
    *("events/s, 1,000 agents", "CPU", "memory"),
    *("events/s, 2,000 agents", "CPU", "memory"),
    *("CPU of 1,000 more", "memory of 1,000 more"),
)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(few: Load, many: Load) -> list[str]:
    loads = [
        text
        for each in (few, many)
        for text in (f"{each.events:.0f}", f"{each.cpu:.1f} %", f"{each.memory:.0f} MB")
    ]
    return [*loads, f"{many.cpu - few.cpu:.1f} %", f"{many.memory - few.memory:.0f} MB"]


def measure(
    broker: Broker, folder: Path, generation: Generation, agents: int, seconds: float
) -> list[Load]:
    """Measure exporters of a call centre for so long: one without details, one with."""
    server = SERVERS[generation]
    broker.declare_exchange(server.exchange, server.kind)
    begin = wall_clock()
    centre = CallCentre(
        agents=agents,
        seed=1,
        start=begin,
        era=server.era,
        # What is noise to others is bound here: most ends of channels.
        noise=server.era.is_wazo,
        reloads=True,
        speed=SPEED,
    )
    lock = threading.Lock()
    with DemoApi(generation) as api, api.serving(centre.apis, lock, SPEED), ExitStack() as stack:
        given = [*flags(broker.url()), f"--exchange={server.exchange}", *_flags_of(api, folder)]
        exporters = [
            stack.enter_context(_exporter(folder, name, [*given, *details]))
            for name, details in (("plain", []), ("details", [f"--details={server.details}"]))
        ]
        with publishing(broker, server, centre, begin, lock):
            for each in exporters:
                eventually(partial(_is_known, each), timeout=120, what="the state is known")
            time.sleep(_SETTLE_SECONDS)
            loads = _loads(exporters, seconds)
    broker.clear()
    return loads


def _exporter(folder: Path, name: str, given: Sequence[str]) -> Exporter:
    own_folder = folder / name
    own_folder.mkdir(exist_ok=True)
    # The last one of two flags counts: each has an inbox of its own.
    return Exporter(own_folder, *given, f"--instance={name}")


def _flags_of(api: DemoApi, folder: Path) -> list[str]:
    settings = api.settings
    assert settings.api_password is not None
    file = folder / "api-password"
    file.touch(mode=0o600)
    file.write_text(settings.api_password.get_secret_value())
    services = ",".join(f"{name}={url}" for name, url in settings.api_services.items())
    where = f"--api-services={services}" if services else f"--api-url={settings.api_url}"
    return [
        where,
        f"--api-username={settings.api_username}",
        f"--api-password-file={file}",
        f"--api-interval={API_SECONDS}",
    ]


def _is_known(exporter: Exporter) -> bool:
    known = {
        dict(labels)["subsystem"]
        for (name, labels), value in exporter.samples().items()
        if name == "xivo_state_known" and value
    }
    return {"agents", "queues"} <= known


def _loads(exporters: Sequence[Exporter], seconds: float) -> list[Load]:
    began, before = time.monotonic(), [_used(each) for each in exporters]
    time.sleep(seconds)
    passed, after = time.monotonic() - began, [_used(each) for each in exporters]
    return [
        Load(
            (now.events - then.events) / passed,
            100 * (now.cpu - then.cpu) / passed,
            resident(each.pid) / 1e6,
        )
        for each, then, now in zip(exporters, before, after, strict=True)
    ]


class _Used(NamedTuple):
    """What a process has used so far: deliveries, and seconds of CPU."""

    events: float
    cpu: float


def _used(exporter: Exporter) -> _Used:
    # A scrape costs as much as hundreds of events, and here it is one for a minute of events.
    return _Used(own(exporter.samples(), "deliveries_total"), cpu_seconds(exporter.pid))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "tests.bench.sizing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--seconds", type=float, default=120, help="of each measurement (default: 120)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
