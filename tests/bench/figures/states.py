"""What many entities cost in the states, and copies of the states."""

from __future__ import annotations

from tests.bench import queue_calls, queues, scale
from tests.bench.figure import Figure, Target
from tests.bench.round import Round


def _batches(run: Round) -> queues.Batches:
    del run
    return queues.batches()


def _copies(run: Round) -> queues.Copies:
    del run
    return queues.copies()


def _call_batches(run: Round) -> queues.Batches:
    del run
    return queue_calls.batches()


def _call_copies(run: Round) -> queue_calls.Copies:
    del run
    return queue_calls.copies()


FIGURES = (
    Figure(
        "scale",
        "CPU per event among a million entities, against among a hundred",
        "µs",
        lambda run: run.once(scale.measure).many,
        lambda run: run.once(scale.measure).few,
        Target("≤", 1.5),
        repeats=True,
    ),
    Figure(
        "queues",
        "CPU of 1,000 events of members of all 1,000 queues, against of all ten",
        "ms",
        lambda run: run.once(_batches).many_used,
        lambda run: run.once(_batches).few,
        Target("≤", 1.5),
    ),
    Figure(
        "queues-known",
        "the same of ten queues among 1,000, against of all ten",
        "ms",
        lambda run: run.once(_batches).many_known,
        lambda run: run.once(_batches).few,
    ),
    Figure(
        "copy",
        "CPU of the copy of 1,000 queues at the end of an epoch, ten of them changed",
        "ms",
        lambda run: run.once(_copies).few,
        target=Target("≤", 100, is_ratio=False),
    ),
    Figure(
        "copy-all",
        "the same when all of them changed",
        "ms",
        lambda run: run.once(_copies).all,
    ),
    Figure("copy-size", "its size", "kB", lambda run: run.once(_copies).size),
    Figure(
        "queue-calls",
        "CPU of 1,000 events of calls in all 1,000 queues, against in all ten",
        "ms",
        lambda run: run.once(_call_batches).many_used,
        lambda run: run.once(_call_batches).few,
        Target("≤", 1.5),
    ),
    Figure(
        "queue-calls-known",
        "the same of ten queues among 1,000, against in all ten",
        "ms",
        lambda run: run.once(_call_batches).many_known,
        lambda run: run.once(_call_batches).few,
    ),
    Figure(
        "copy-calls",
        "CPU of the copy of all states, 1,000 queues with a call in each, 30 of them changed",
        "ms",
        lambda run: run.once(_call_copies).few,
        target=Target("≤", 100, is_ratio=False),
    ),
    Figure(
        "copy-calls-all",
        "the same when all of them changed",
        "ms",
        lambda run: run.once(_call_copies).all,
    ),
    Figure("copy-calls-size", "its size", "kB", lambda run: run.once(_call_copies).size),
)
