"""The numbers of recorded calls stay true if their events arrive in another way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections import Counter
from dataclasses import dataclass
from dataclasses import replace as dataclass_replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from random import Random

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dataflows.items import GapNoticed, ReadingContinued
from exporter.recording.format import Message
from exporter.recording.player import SETTLE_SECONDS
from tests.pipeline import Pipeline
from tests.recordings.calls import (
    COMPARED,
    IN_CALL,
    OLDEST,
    REFUSED,
    WAITING,
    Numbers,
    arrived_by,
    calls,
    numbers,
    refused,
    stamp,
    traced,
    wanted,
)
from tests.recordings.replay import Recorded
from tests.recordings.truth import CALL_CENTRE, expected, scenarios, totals, visits

EXAMPLES = settings().max_examples

DISORDER_SECONDS = 0.005
"""Within it, messages may arrive in any order."""

BATCH_SECONDS = 0.5
"""What arrives in so long a time may be a batch. Longer delays look like the end of the events."""

DOWN_SECONDS = 5.0
"""As long as Asterisk says."""

DAY = 24 * 3600.0


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


DISTURBANCES = st.builds(
    Disturbance,
    seed=st.integers(0, 2**32),
    order=st.sampled_from(("true", "shuffled", "marshalled")),
    is_doubled=st.booleans(),
    batches=st.sampled_from((1, 2, 10, 100, 2000)),
    is_backlog=st.booleans(),
    restarts=st.lists(st.floats(0, 1), max_size=4).map(lambda each: tuple(sorted(each))),
)


@cache
def true(name: str) -> Numbers:
    return wanted(expected(name), visits(name)) | refused(name)


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


def batches(messages: Sequence[Message], how: Disturbance, chance: Random) -> Iterator[list[Message]]:
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


def check(name: str, how: Disturbance) -> None:
    pipeline = play(calls(name), how)
    assert numbers(pipeline.series(), COMPARED | {REFUSED}) == true(name)
    assert not pipeline.rejected


@pytest.mark.parametrize(
    "how",
    [
        Disturbance(order="shuffled"),
        Disturbance(order="marshalled"),
        Disturbance(is_doubled=True),
        Disturbance(order="shuffled", is_doubled=True),
        Disturbance(batches=100),
        Disturbance(batches=1000, is_backlog=True),
        Disturbance(restarts=(0.2, 0.5, 0.8)),
    ],
    ids=str,
)
def test_the_numbers_of_the_call_centre_stay_true(how: Disturbance) -> None:
    check(CALL_CENTRE, how)


@given(DISTURBANCES)
@settings(max_examples=EXAMPLES // 5, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_the_numbers_of_the_call_centre_stay_true_with_any_disturbance(how: Disturbance) -> None:
    check(CALL_CENTRE, how)


@given(st.sampled_from(scenarios()), DISTURBANCES)
@settings(max_examples=4 * EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_the_numbers_of_a_scenario_stay_true_with_any_disturbance(
    name: str, how: Disturbance
) -> None:
    check(name, how)


# --- A restart of Asterisk ---


def crashed(recorded: Sequence[Recorded], at: float) -> tuple[list[Recorded], set[str]]:
    """Return what arrives if Asterisk crashed at a time and started five seconds later.

    Returns:
        The messages, and the callers whose calls it ended or did not see.
    """
    booted = at + DOWN_SECONDS
    begun = {each.data["Uniqueid"] for each in recorded if _begins_by(each, booted)}
    of_talks = {id(each.completed): each.visit.uniqueid for each in traced()}
    kept = [
        each
        for each in recorded
        if each.message.time <= at
        or (
            each.message.time > booted
            # The end of a talk may have no ids.
            and each.data.get("Linkedid", of_talks.get(id(each))) not in begun
        )
    ]
    [boot] = [each for each in calls("core_restart") if each.name == "FullyBooted"]
    local = datetime.fromtimestamp(booted, UTC).replace(tzinfo=None)
    like = replace(boot.message, time=booted, headers={"timestamp": local.isoformat()})
    kept.append(boot._replace(message=stamped(boot.message, like)))
    kept.sort(key=lambda each: each.message.time)
    return kept, begun


def _begins_by(recorded: Recorded, time: float) -> bool:
    return recorded.message.time <= time and "Uniqueid" in recorded.data


def moments_of_waiting() -> list[float]:
    """Return moments at which somebody waits, and just before no visit ended."""
    left = [each.left.message.time for each in traced()]
    return [
        moment
        for moment in (left[0] + 5 * step for step in range(200))
        if any(visit.outcome is None for visit in arrived_by(moment))
        and not any(0 <= moment - time < BATCH_SECONDS for time in left)
    ]


@pytest.mark.parametrize("moment", range(0, 70, 7))
def test_after_a_crash_of_asterisk_only_what_was_under_way_is_lost(moment: int) -> None:
    at = moments_of_waiting()[moment]
    recorded, gone = crashed(calls(CALL_CENTRE), at)
    before = [
        visit if visit.outcome is not None else dataclass_replace(visit, outcome="lost")
        for visit in arrived_by(at)
    ]
    after = [
        each.visit
        for each in traced()
        if each.joined.message.time > at and each.joined.data["Linkedid"] not in gone
    ]
    missed = Counter(each.data["Queue"] for each in recorded if each.name == "AgentRingNoAnswer")
    true = {
        queue: dataclass_replace(each, talking=0)
        for queue, each in totals([*before, *after], missed).items()
    }
    pipeline = play(recorded, Disturbance())
    assert numbers(pipeline.series()) == wanted(true, [*before, *after])
    assert not numbers(pipeline.series(), {WAITING, OLDEST, IN_CALL})


# --- Losses ---

MISTAKEN = {
    "answered": ("answered",),
    "abandoned": ("abandoned",),
    "expired": ("abandoned", "expired"),
    "left": ("answered", "abandoned", "expired", "left"),
}
"""What a visit may have been that is shown with an outcome, if some of its events are lost."""

NEVER_MORE = (
    "xivo_queue_calls_joined_total",
    "xivo_queue_calls_completed_total",
    "xivo_queue_ring_no_answer_total",
    "xivo_queue_ring_seconds_count",
    "xivo_queue_ring_seconds_sum",
    "xivo_queue_talk_seconds_count",
    "xivo_queue_talk_seconds_sum",
)


def bounds(shown: Numbers, most: Numbers) -> Iterator[tuple[str, float, float]]:
    """Yield numbers, and what each must not exceed."""
    for key, value in shown.items():
        if key[0] in NEVER_MORE:
            yield " ".join(key), value, most.get(key, 0)
        if key[0].startswith("xivo_queue_wait_seconds") and key[-1] == "answered":
            yield " ".join(key), value, most.get(key, 0)
    for queue in {key[1] for key in most}:
        calls_, joined = "xivo_queue_calls_total", "xivo_queue_calls_joined_total"
        for outcome, origins in MISTAKEN.items():
            limit = sum(most.get((calls_, queue, each), 0) for each in origins)
            yield f"{queue} {outcome}", shown.get((calls_, queue, outcome), 0), limit
        ended = sum(shown.get((calls_, queue, each), 0) for each in MISTAKEN)
        yield f"{queue} ended", ended, most[joined, queue]
        lost = shown.get((calls_, queue, "lost"), 0)
        waits = shown.get(("xivo_queue_wait_seconds_count", queue, "unanswered"), 0)
        yield f"{queue} unanswered", waits, most[joined, queue]
        yield f"{queue} lost", lost, shown.get((joined, queue), 0)
        yield f"{queue} joined", shown.get((joined, queue), 0), ended + lost


@given(st.integers(0, 2**32), st.sampled_from((0.01, 0.1, 0.4)))
@settings(max_examples=EXAMPLES // 5, phases=(Phase.explicit, Phase.reuse, Phase.generate))
def test_with_losses_nothing_is_counted_that_did_not_happen(seed: int, share: float) -> None:
    chance = Random(seed)  # noqa: S311 -- any losses will do
    pipeline = Pipeline(windows="")
    was_lost = False
    for each in calls(CALL_CENTRE):
        if chance.random() < share:
            was_lost = True
            continue
        pipeline.advance(each.message.time)
        if was_lost:
            pipeline.take([GapNoticed("default", pipeline.now)])
        was_lost = False
        pipeline.take([each.message.delivery("default", pipeline.now)])
    pipeline.advance(pipeline.now + DAY + 60)
    shown = numbers(pipeline.series())
    for what, value, limit in bounds(shown, true(CALL_CENTRE)):
        assert value <= limit, what
    assert not numbers(pipeline.series(), {WAITING, OLDEST, IN_CALL})
