"""How the events of a history arrive: out of order, doubled, with losses, across restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from hypothesis import strategies as st

from dataflows.envelope import Delivery
from tests.corpus import ORIGIN
from tests.laws.call_messages import MICROSECONDS, Event

DISORDER = 5_000
"""Microseconds within which events may arrive in any order."""

MOST_REVERSED = 14
"""The longest reversed run in the recordings."""

_BATCH = 10_000
_LATENCY = 0.02
_FAR = 60 * MICROSECONDS


@dataclass(frozen=True)
class Disturbance:
    """What happens to the events on their way.

    Attributes:
        seed: Of all random choices.
        order: `true`, `reversed` as amid does it, or `shuffled`.
        doubled: Whether everything arrives twice, with the same bytes.
        restarts: After which share of batches the exporter restarts, with its kept state.
        loss: The share of events that are lost one by one.
        outage: Whether all events of some time are lost.
        backlog: Whether everything arrives at the end.
    """

    seed: int = 0
    order: str = "true"
    doubled: bool = False
    restarts: float = 0.0
    loss: float = 0.0
    outage: bool = False
    backlog: bool = False


class Step(NamedTuple):
    """What happens to the exporter next.

    Attributes:
        at: When, Unix seconds.
        deliveries: What arrives, in one batch.
        is_gap: Whether it notices then that it missed events.
        is_restart: Whether it restarts afterwards.
    """

    at: float
    deliveries: list[Delivery]
    is_gap: bool = False
    is_restart: bool = False


def disturbances(*, loses: bool = False) -> st.SearchStrategy[Disturbance]:
    """Return a strategy for what happens to the events, with or without losses."""
    nothing = st.just(Disturbance())
    return nothing | st.builds(
        Disturbance,
        seed=st.integers(0, 2**32),
        order=st.sampled_from(("true", "reversed", "shuffled")),
        doubled=st.booleans(),
        restarts=st.sampled_from((0.0, 0.1, 1.0)),
        loss=st.sampled_from((0.02, 0.1, 0.4)) if loses else st.just(0.0),
        outage=st.booleans() if loses else st.just(False),
    )


def published(events: list[Event], disturbance: Disturbance) -> list[Event]:
    """Return the events in the order of the bus, with the times at which amid publishes them."""
    chance = Random(disturbance.seed)  # noqa: S311 -- no secret
    ordered = events
    if disturbance.order == "shuffled":
        ordered = sorted(events, key=lambda each: each.at + chance.uniform(0, DISORDER))
    elif disturbance.order == "reversed":
        ordered = [each for run in _runs(events, chance) for each in reversed(run)]
    times = sorted(each.at for each in events)
    return [each._replace(at=at) for each, at in zip(ordered, times, strict=True)]


def _runs(events: list[Event], chance: Random) -> Iterator[list[Event]]:
    run: list[Event] = []
    size = 1
    for each in events:
        if run and (len(run) >= size or each.at - run[0].at > DISORDER):
            yield run
            run = []
        if not run:
            size = chance.randint(1, MOST_REVERSED)
        run.append(each)
    if run:
        yield run


def delivery(event: Event) -> Delivery:
    """Return the delivery of an event, without its time of arrival."""
    stamp = datetime.fromtimestamp(event.at // MICROSECONDS, UTC).replace(
        microsecond=event.at % MICROSECONDS, tzinfo=None
    )
    body = {
        "name": event.name,
        "origin_uuid": ORIGIN,
        "timestamp": stamp.isoformat(),
        "data": event.data,
    }
    return Delivery("default", json.dumps(body).encode(), 0.0, stamp.isoformat())


def traffic(events: list[Event], disturbance: Disturbance) -> Iterator[Step]:
    """Yield how events arrive. `events` are those of `published`."""
    chance = Random(disturbance.seed + 1)  # noqa: S311 -- no secret
    kept, gaps = _lose(events, disturbance, chance)
    sent = [(each, delivery(each)) for each in kept]
    if disturbance.doubled:
        sent = _doubled(sent, chance)
    last = events[-1].at if disturbance.backlog else 0
    for batch in _batches(sent, disturbance, chance):
        first, last = batch[0][0].at, max(last, *(each.at for each, _ in batch))
        at = last / MICROSECONDS + _LATENCY
        is_gap = bool(gaps) and gaps[0] <= first
        gaps = [gap for gap in gaps if gap > first]
        restarts = chance.random() < disturbance.restarts
        yield Step(at, [arrived(each, at) for _, each in batch], is_gap, restarts)


def arrived(delivery: Delivery, at: float) -> Delivery:
    """Return a delivery with its time of arrival, Unix seconds."""
    return Delivery(delivery.bus, delivery.body, at, delivery.stamp)


def _lose(
    events: list[Event], disturbance: Disturbance, chance: Random
) -> tuple[list[Event], list[int]]:
    """Return the events that are left, and when the losses show."""
    start, end = 0, 0
    if disturbance.outage and events:
        start = chance.choice(events).at
        end = start + chance.randint(0, _FAR)
    kept, gaps = [], []
    was_lost = False
    for each in events:
        if chance.random() < disturbance.loss or start <= each.at < end:
            was_lost = True
            continue
        if was_lost:
            gaps.append(each.at)
        was_lost = False
        kept.append(each)
    return kept, gaps


Sent = list[tuple[Event, Delivery]]


def _doubled(sent: Sent, chance: Random) -> Sent:
    """Let each delivery come again, up to some places later."""
    places = [(float(number), each) for number, each in enumerate(sent)]
    again = [(place + 0.5 + chance.choice((0, 0, 1, 3, 8)), each) for place, each in places]
    return [each for _, each in sorted(places + again, key=lambda placed: placed[0])]


def _batches(sent: Sent, disturbance: Disturbance, chance: Random) -> Iterator[Sent]:
    batch: Sent = []
    size = 1
    for each in sent:
        is_over = len(batch) >= size or (
            not disturbance.backlog and batch and each[0].at - batch[0][0].at > _BATCH
        )
        if batch and is_over:
            yield batch
            batch = []
        if not batch:
            size = chance.choice((1, 2, 5, 30)) if not disturbance.backlog else 1000
        batch.append(each)
    if batch:
        yield batch
