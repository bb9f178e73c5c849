"""What recorded calls cost, in the whole exporter and in decode and states alone."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from dataflows.envelope import Delivery
from dataflows.subsystems import SUBSYSTEMS, queue_calls
from exporter.clock import wall_clock
from tests.bench import core, drain
from tests.bench.round import Round
from tests.bench.traffic import is_used, iso
from tests.integration.bus import Wire
from tests.recordings.replay import FOLDER

SPARE_SECONDS = 60.0
"""Between the end of the recording and its next repetition: all calls are over."""

_OTHERS = tuple(each for each in SUBSYSTEMS if each is not queue_calls.SUBSYSTEM)
_NAMES_OF_OTHERS = {decoder.name for each in _OTHERS for decoder in each.all_decoders}
_CORE_REPETITIONS = 4


class Recorded(NamedTuple):
    """A message of the recording, and when it arrived, Unix seconds."""

    at: float
    name: str
    wire: Wire


@dataclass(frozen=True)
class Traffic:
    """What an inbox receives of the recorded call centre, and the part that is not about calls.

    Attributes:
        all: In the order of the bus.
        others: What the exporter would receive without the subsystem `queue_calls`.
        calls: Number of visits of callers in queues.
    """

    all: Sequence[Recorded]
    others: Sequence[Recorded]
    calls: int


def whole(run: Round) -> float:
    """Let the exporter drain an inbox with all messages; return CPU µs of an event."""
    return _drained(run, traffic_of(run).all)


def whole_of_call(run: Round) -> float:
    """Let it also drain one without the messages about calls; return CPU µs of a call."""
    traffic = traffic_of(run)
    return _of_call(traffic, run.once(whole), _drained(run, traffic.others))


def by_reference(run: Round) -> float:
    """Let the bus document's consumer read the same messages; return CPU µs of an event."""
    wires = [each.wire for each in traffic_of(run).all]
    return drain.by_reference_of(run, wires, is_stamped=True).cpu


def alone(run: Round) -> float:
    """Call decode and states, with and without `queue_calls`; return CPU µs of a call."""
    del run
    traffic = _repeated(_bound(), _CORE_REPETITIONS, wall_clock())
    every = core.cost_of(SUBSYSTEMS, _deliveries(traffic.all))
    others = core.cost_of(_OTHERS, _deliveries(traffic.others))
    return _of_call(traffic, every, others)


def _drained(run: Round, recorded: Sequence[Recorded]) -> float:
    return drain.by_exporter(run, [each.wire for each in recorded], is_stamped=True).cpu


def _of_call(traffic: Traffic, every: float, others: float) -> float:
    """Return what each call adds to the costs of events, with and without `queue_calls`."""
    return (every * len(traffic.all) - others * len(traffic.others)) / traffic.calls


def traffic_of(run: Round) -> Traffic:
    """Return the messages of a run."""
    return run.once(_of_round)


def _of_round(run: Round) -> Traffic:
    bound = _bound()
    # The last message is some seconds old, and all stamps are within the last day.
    return _repeated(bound, max(1, run.mixes.count // len(bound)), wall_clock())


def _bound() -> list[Recorded]:
    """Return the messages that the inbox receives by its bindings."""
    return [each for each in _recorded() if is_used(each.wire)]


def _recorded() -> Iterator[Recorded]:
    with gzip.open(FOLDER / "call_centre.jsonl.gz", "rt") as lines:
        for line in lines:
            message = json.loads(line)
            wire = Wire(
                json.dumps(message["body"]).encode(),
                message["routing_key"],
                message["headers"],
                message["properties"],
            )
            yield Recorded(message["time"], message["body"]["name"], wire)


def _repeated(recorded: Sequence[Recorded], times: int, end: float) -> Traffic:
    """Repeat a recording; its last message is stamped just before a time, Unix seconds."""
    length = recorded[-1].at - recorded[0].at + SPARE_SECONDS
    last = end - recorded[-1].at
    shifts = [last - number * length for number in reversed(range(times))]
    every = [_later(each, seconds) for seconds in shifts for each in recorded]
    others = [each for each in every if each.name in _NAMES_OF_OTHERS]
    return Traffic(every, others, sum(each.name == "QueueCallerJoin" for each in every))


def _later(recorded: Recorded, seconds: float) -> Recorded:
    """Move the arrival and the time stamp, which is in the headers and again in the body."""
    wire = recorded.wire
    headers: dict[str, Any] = dict(wire.headers or {})
    old = headers["timestamp"]
    stamp = datetime.fromisoformat(old).replace(tzinfo=UTC).timestamp()
    headers["timestamp"] = new = iso(stamp + seconds)
    body = wire.body.replace(old.encode(), new.encode())
    return recorded._replace(
        at=recorded.at + seconds, wire=replace(wire, body=body, headers=headers)
    )


def _deliveries(recorded: Sequence[Recorded]) -> list[Delivery]:
    return [Delivery("bench", each.wire.body, each.at) for each in recorded]
