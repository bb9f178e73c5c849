"""A server with a bus and with APIs, and what the exporter knows of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.integration.bus import Wire, event, publish
from tests.program import Exporter, Series
from tests.servers import Broker
from tests.snapshots.server import ORIGIN
from tests.support import eventually

HURRIED = (sys.executable, "-m", "tests.integration.hurried")
"""The program with a shorter pace; all else is as in the program."""

STATES = ("agents", "queues", "queue_calls", "users", "lines", "trunks", "calls")
"""The subsystems that APIs make complete."""

QUEUE = "support-88511897"

_KEYS = {
    "FullyBooted": "ami.FullyBooted",
    "Reload": "ami.Reload",
    "queue_created": "config.queue.created",
    "agent_created": "config.agent.created",
    "user_created": "config.user.created",
    "line_created": "config.line.created",
    "agent_status_update": "status.agent",
}


def wire(name: str, data: Mapping[str, Any]) -> Wire:
    """Return an event of the server, for both kinds of exchanges."""
    return Wire(event(name, data, ORIGIN), _KEYS[name], {"name": name})


def say(broker: Broker, name: str, *, exchange: str = "xivo", times: int = 1, **data: Any) -> None:  # noqa: ANN401 -- JSON
    """Publish an event so many times, all at once."""
    publish(broker, exchange, [wire(name, {"id": n, **data}) for n in range(times)])


def series(programs: Exporter | Sequence[Exporter]) -> dict[Series, float]:
    """Return all series, of all processes of a cluster."""
    if isinstance(programs, Exporter):
        return programs.samples()
    return {key: value for each in programs for key, value in each.samples().items()}


def of(samples: Mapping[Series, float], name: str, **labels: str) -> float | None:
    """Return the value of a series of the server."""
    return samples.get((name, frozenset({"origin_uuid": ORIGIN, **labels}.items())))


def known(samples: Mapping[Series, float]) -> dict[str, float | None]:
    """Return whether each state is known."""
    return {each: of(samples, "xivo_state_known", subsystem=each) for each in STATES}


def all_known(programs: Exporter | Sequence[Exporter]) -> dict[Series, float]:
    """Wait until all states are known; return all series of that moment."""

    def find() -> dict[Series, float] | None:
        samples = series(programs)
        return samples if set(known(samples).values()) == {1} else None

    return eventually(find, what=lambda: f"all is known: {known(series(programs))}") or {}


def drift(samples: Mapping[Series, float]) -> dict[tuple[str, str], float]:
    """Return the drift that is not 0, by subsystem and kind."""
    return {
        (dict(labels)["subsystem"], dict(labels)["kind"]): value
        for (name, labels), value in samples.items()
        if name == "xivo_state_drift_total" and value
    }


def outcomes(samples: Mapping[Series, float], source: str) -> dict[str, float]:
    """Return how often each outcome occurred that did."""
    return {
        dict(labels)["outcome"]: value
        for (name, labels), value in samples.items()
        if name == "xivo_exporter_snapshots_total" and ("source", source) in labels and value
    }
