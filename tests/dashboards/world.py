"""Two call centres after an hour and a half, with the values that the oracles compute."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from zlib import crc32

from dataflows.envelope import Delivery
from exporter.simulation.activities import Activity
from exporter.simulation.simulator import CallCentre
from tests import oracle
from tests.dashboards.calls import Calls
from tests.pipeline import Pipeline
from tests.windows import models
from tests.windows.oracle import Oracle

OPENING = 1_772_443_800.0
SECONDS = 5400
CENTRES = ((20, 33), (3, 36))
"""Agents and seed. At the end, callers wait in the large one, and all members of a queue of the
small one are busy. xivo-ctid restarts in neither, which the oracles of windows do not follow."""
WINDOWS = {"1m": 60, "5m": 300, "today": 0}
CALLS = {
    ("unknown", "up"): 0,
    ("inbound", "up"): 2,
    ("internal", "ringing"): 1,
    ("outbound", "held"): 3,
}
"""Calls under way at the end, by direction and state."""
BUS = "default"
BURST_SECONDS = 5
"""Within this time after its registration, xivo-ctid publishes the phones."""


def _of_agents(centre: CallCentre) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return what the agents of a centre do, as they know it themselves."""
    origin, paused = centre.origin_uuid, centre.agents_paused
    doing = Counter(map(str, centre.activities.values()))
    numbers: dict[tuple[str, tuple[str, ...]], float] = {
        ("xivo_agents_by_activity", (origin, each)): doing[each] for each in (*Activity, "unknown")
    }
    without = paused.get("", 0)
    numbers["xivo_agents_paused", (origin, "none")] = without
    numbers["xivo_agents_paused", (origin, "other")] = sum(paused.values()) - without
    return numbers


class World:
    """Two servers on one bus, read by one dataflow.

    At the end, a service of the first server stops, and a phone of the second is unplugged. Then
    the first one tells of lines, trunks, calls, switchboards and so on, as a Wazo.

    Attributes:
        text: The exposition.
        numbers: The expected value of every series, with windows, as the oracles computed it.
    """

    def __init__(self) -> None:
        self._pipeline = Pipeline(windows=",".join(WINDOWS))
        self._pipeline.now = OPENING
        self._windows = Oracle(WINDOWS)
        self._calls = Calls(WINDOWS)
        self._history: list[oracle.Fact] = []
        centres = [
            CallCentre(agents=agents, seed=seed, start=OPENING, noise=False)
            for agents, seed in CENTRES
        ]
        for end in range(int(OPENING) + 60, int(OPENING) + SECONDS + 1, 60):
            messages = [message for centre in centres for message in centre.until(end)]
            for message in sorted(messages, key=lambda each: each.at):
                self._take(message.body, message.at)
            self._pipeline.wait(end - self._pipeline.now)
            self._windows.look({(name, origin) for name, origin, _ in self._windows.keys}, end)
            self._calls.look(end)
        service, service_id = next(iter(centres[0].services_up.items()))
        stopped = {"service_name": service, "service_id": service_id, "tags": []}
        self._tell(centres[0].origin_uuid, "service_deregistered_event", stopped)
        unplugged = {"endpoint_id": min(centres[1].endpoints), "status": 4}
        self._tell(centres[1].origin_uuid, "endpoint_status_update", unplugged)
        self._tell_of_wazo(centres[0].origin_uuid)
        self._tell_of_switchboards(centres[0].origin_uuid)
        self.text = self._pipeline.text()
        self.numbers = oracle.expect(self._history, self._pipeline.now, details=False)
        self.numbers |= {series: float(value) for series, value in self._windows.shown().items()}
        self.numbers |= self._calls.numbers(self._pipeline.now)
        self.numbers |= {
            ("xivo_calls", (centres[0].origin_uuid, *kind)): count for kind, count in CALLS.items()
        }
        self.numbers |= self._complete()
        for centre in centres:
            self.numbers |= _of_agents(centre)

    def _complete(self) -> dict[tuple[str, tuple[str, ...]], float]:
        """Compute since when users and phones are known: since the last start of xivo-ctid."""
        numbers: dict[tuple[str, tuple[str, ...]], float] = {}
        for fact in self._history:
            if not fact.name.startswith("service_") or fact.data["service_name"] != "xivo-ctid":
                continue
            is_start = fact.name == "service_registered_event"
            for subsystem in ("users", "endpoints"):
                key, since = (fact.origin, subsystem), fact.at + BURST_SECONDS
                numbers["xivo_state_known", key] = float(is_start)
                numbers["xivo_state_known_since_timestamp_seconds", key] = is_start * since
        return numbers

    def _tell_of_wazo(self, origin: str) -> None:
        """Let a server tell of lines, trunks and calls too."""
        states = ((True, 0), (True, 2), (True, 1), (False, 0), (None, 0))
        for number, (registered, calls) in enumerate(states, 1):
            data: dict[str, object] = {
                "id": number,
                "registered": registered,
                "current_call_count": calls,
            }
            self._tell(origin, "line_status_updated", data)
            data |= {"name": f"trunk-{number}", "technology": "sip"}
            self._tell(origin, "trunk_status_updated", data)
        for number, ((direction, state), count) in enumerate(CALLS.items()):
            for each in range(count):
                call: dict[str, object] = {
                    "call_id": f"{number}.{each}",
                    "conversation_id": f"{number}.{each}",
                    "direction": direction,
                    "status": "Ringing" if state == "ringing" else "Up",
                    "on_hold": state == "held",
                    "line_id": 7,
                }
                self._tell(origin, "call_updated", call)

    def _tell_of_switchboards(self, origin: str) -> None:
        for switchboard, state, calls in (("s-1", "queued", 2), ("s-2", "held", 1)):
            data = {"switchboard_uuid": switchboard, "items": [{"id": "1"}] * calls}
            self._tell(origin, f"switchboard_{state}_calls_updated", data)
        self._tell(origin, "call_parked", {"call_id": "1772443800.1"})
        for channel in ("1772443800.2", "1772443800.3"):
            self._tell(origin, "conference_participant_joined", {"id": channel})

    def _tell(self, origin: str, name: str, data: Mapping[str, object]) -> None:
        body = {"origin_uuid": origin, "name": name, "data": data}
        self._take(json.dumps(body).encode(), self._pipeline.now + 1)

    def _take(self, body: bytes, at: float) -> None:
        self._pipeline.wait(at - self._pipeline.now)
        self._pipeline.take([Delivery(BUS, body, at)])
        told = json.loads(body)
        origin, name, data = told["origin_uuid"], told["name"], told["data"]
        self._history.append(oracle.Fact(BUS, at, at, name, origin, data))
        fact = models.Fact(origin, name, data, at)
        self._windows.take(fact)
        self._calls.take(fact)

    def split(self) -> tuple[str, str]:
        """Distribute the series over two processes as a cluster does, each to one of them."""
        parts: tuple[list[str], list[str]] = ([], [])
        for line in self.text.splitlines(keepends=True):
            if line.startswith("#"):
                for part in parts:
                    part.append(line)
            else:
                parts[crc32(line.rpartition(" ")[0].encode()) % 2].append(line)
        return "".join(parts[0]), "".join(parts[1])

    def of(self, metric: str) -> Iterator[tuple[tuple[str, ...], float]]:
        """Yield the label values and the value of every series of a metric."""
        for (name, labels), value in self.numbers.items():
            if name == metric:
                yield labels, value
