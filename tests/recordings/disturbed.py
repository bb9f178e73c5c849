"""Plays recorded calls whose messages arrive in another way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random

import msgspec
from msgspec.structs import replace

from dataflows.items import ReadingContinued
from exporter.recording.format import Message
from exporter.recording.player import SETTLE_SECONDS
from tests.pipeline import Pipeline
from tests.recordings.calls import (
    stamp,
)
from tests.recordings.replay import Recorded

DISORDER_SECONDS = 0.005
"""Within it, messages may arrive in any order."""

BATCH_SECONDS = 0.5
"""What arrives in so long a time may be a batch. Longer delays look like the end of the events."""


@dataclass(frozen=True)
class Disturbance:
    """What happens to the messages on their way.

    Attributes:
        seed: Of all random choices.
        order: `true` for that of the bus; `shuffled` exchanges neighbours with their time stamps,
            `marshalled` without: amid stamps a message when it publishes it.
        is_doubled: Whether everything arrives twice.
        batches: The largest batch.
        is_backlog: Whether everything arrives at the end.
        restarts: Before which messages the exporter restarts, as shares of the recording.
    """

    seed: int = 0
    order: str = "true"
    is_doubled: bool = False
    batches: int = 1
    is_backlog: bool = False
    restarts: tuple[float, ...] = ()


def runs(recorded: Sequence[Recorded]) -> Iterator[list[Recorded]]:
    """Yield the messages of `DISORDER_SECONDS` together, by their time stamps."""
    run: list[Recorded] = []
    begin = 0.0
    for each in recorded:
        at = stamp(each)
        if run and at - begin > DISORDER_SECONDS:
            yield run
            run = []
        begin = begin if run else at
        run.append(each)
    if run:
        yield run


def stamped(message: Message, like: Message) -> Message:
    """Return a message with the arrival and the time stamp of another one."""
    headers = message.headers | {"timestamp": like.headers["timestamp"]}
    body = json.loads(message.content()) | {"timestamp": like.headers["timestamp"]}
    raw = msgspec.Raw(json.dumps(body).encode())
    return replace(message, time=like.time, body=raw, headers=headers)


def ordered(recorded: Sequence[Recorded], how: Disturbance, chance: Random) -> Iterator[Message]:
    for run in runs(recorded):
        messages = [each.message for each in run]
        shuffled = messages if how.order == "true" else chance.sample(messages, len(messages))
        for place, message in zip(messages, shuffled, strict=True):
            if how.order == "marshalled" and message is not place:
                yield stamped(message, place)
            else:
                yield replace(message, time=max(place.time, message.time))


def doubled(messages: Iterable[Message], chance: Random) -> list[Message]:
    """Let each message come again, up to some messages later."""
    places = [(float(number), each) for number, each in enumerate(messages)]
    again = [(place + 0.5 + chance.choice((0, 0, 1, 3, 8)), each) for place, each in places]
    return [each for _, each in sorted(places + again, key=lambda placed: placed[0])]


def batches(
    messages: Sequence[Message], how: Disturbance, chance: Random
) -> Iterator[list[Message]]:
    batch: list[Message] = []
    size = 1
    for each in messages:
        if batch and (len(batch) >= size or (each.time - batch[0].time > BATCH_SECONDS)):
            yield batch
            batch = []
        if not batch:
            size = chance.randint(1, how.batches)
        batch.append(each)
    yield batch


def play(recorded: Sequence[Recorded], how: Disturbance) -> Pipeline:
    chance = Random(how.seed)  # noqa: S311 -- any order will do
    messages = [*ordered(recorded, how, chance)]
    if how.is_backlog:
        messages = [replace(each, time=messages[-1].time) for each in messages]
    pipeline = Pipeline(windows="")
    cuts = sorted({0, *(int(share * len(messages)) for share in how.restarts), len(messages)})
    for begin, end in pairwise(cuts):
        if begin:
            pipeline.restart()
            pipeline.take([ReadingContinued("default")])
        # After a restart, the source recognises what the broker delivers again.
        part = messages[begin:end]
        for batch in batches(doubled(part, chance) if how.is_doubled else part, how, chance):
            pipeline.advance(max(each.time for each in batch))
            pipeline.take([each.delivery("default", pipeline.now) for each in batch])
    pipeline.advance(pipeline.now + SETTLE_SECONDS)
    return pipeline
