"""The rows of the table, in their order. A new figure is a new entry here."""

from __future__ import annotations

from collections.abc import Callable

from tests.bench import (
    board,
    calls,
    core,
    drain,
    latency,
    memory,
    merging,
    queue_calls,
    queues,
    recovery,
    scale,
    scrape,
    start,
    viewers,
    wazo,
)
from tests.bench.figure import Figure, Target
from tests.bench.noise import loop_ms
from tests.bench.round import Round


def _cpu(measure: Callable[[Round], drain.Drained]) -> Callable[[Round], float]:
    return lambda run: run.once(measure).cpu


def _rate(measure: Callable[[Round], drain.Drained]) -> Callable[[Round], float]:
    return lambda run: run.once(measure).rate


def _scrape(run: Round) -> scrape.Figures:
    del run
    return scrape.measure()


def _memory(run: Round) -> memory.Figures:
    del run
    return memory.measure()


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
    Figure("noise", "Python's own noise: CPU of a fixed loop", "ms", loop_ms),
    Figure("core", "CPU per event in decode and states alone", "µs", core.cpu_per_event),
    Figure(
        "cpu",
        "CPU per event, against the document's consumer",
        "µs",
        _cpu(drain.ours),
        _cpu(drain.by_reference),
        Target("≤", 1 / 5),
    ),
    Figure(
        "rate",
        "drained per second, against the document's consumer",
        "events",
        _rate(drain.ours),
        _rate(drain.by_reference),
        Target("≥", 3),
    ),
    Figure(
        "null",
        "drained per second, against a null reader",
        "events",
        _rate(drain.ours),
        _rate(drain.by_null_reader),
        Target("≥", 0.9),
    ),
    Figure(
        "recovery",
        "drained per second with a recovery store, against without",
        "events",
        _rate(recovery.ours_with_recovery),
        _rate(drain.ours),
        Target("≥", 0.8),
    ),
    Figure(
        "firehose",
        "CPU per event with `--bind-all`, 90 % unused, against the used mix",
        "µs",
        _cpu(drain.ours_of_firehose),
        _cpu(drain.ours),
        Target("≤", 1 / 2),
    ),
    Figure(
        "wazo",
        "CPU per event of Wazos of today, against the used mix",
        "µs",
        _cpu(drain.ours_of_wazo),
        _cpu(drain.ours),
        Target("≤", 0.8),
    ),
    Figure(
        "wazo-core",
        "the same in decode and states alone",
        "µs",
        core.cpu_per_event_of_wazo,
        core.cpu_per_event,
    ),
    Figure(
        "wazo-agents",
        "CPU of a Wazo of 1,000 agents, 700 messages a second",
        "% of a core",
        wazo.cpu_percent,
    ),
    Figure(
        "calls",
        "CPU per event of the recorded call centre, against the document's consumer",
        "µs",
        lambda run: run.once(calls.whole).event,
        calls.by_reference,
        Target("≤", 1 / 4),
    ),
    Figure(
        "call",
        "CPU per queue call: what the events of callers and channels add",
        "µs",
        lambda run: run.once(calls.whole).call,
    ),
    Figure(
        "call-core",
        "the same in decode and states alone",
        "µs",
        lambda run: run.once(calls.alone).call,
    ),
    Figure(
        "scale",
        "CPU per event among a million entities, against among a hundred",
        "µs",
        lambda run: run.once(scale.measure).many,
        lambda run: run.once(scale.measure).few,
        Target("≤", 1.5),
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
    Figure(
        "merge",
        "CPU of answers of APIs: 5,000 members, 10,000 users, all known; against 5,000 events",
        "ms",
        lambda run: run.once(merging.measure).same,
        lambda run: run.once(merging.of_events),
        Target("≤", 1),
    ),
    Figure(
        "merge-other",
        "the same if every tenth is different",
        "ms",
        lambda run: run.once(merging.measure).other,
        lambda run: run.once(merging.of_events),
        Target("≤", 1),
    ),
    Figure(
        "merge-first",
        "the same if nothing is known yet",
        "ms",
        lambda run: run.once(merging.measure).first,
        lambda run: run.once(merging.of_events),
        Target("≤", 1),
    ),
    Figure("start", "start to ready", "s", start.empty, target=Target("≤", 2, is_ratio=False)),
    Figure(
        "resume",
        "start to ready, and to all that was known of 100,000 entities",
        "s",
        start.kept,
        target=Target("≤", 5, is_ratio=False),
    ),
    Figure(
        "scrape",
        "CPU of a scrape of 100,000 series, against prometheus_client's",
        "ms",
        lambda run: run.once(_scrape).text,
        lambda run: run.once(_scrape).reference,
        Target("≤", 50, is_ratio=False),
    ),
    Figure("gzip", "the same in gzip", "ms", lambda run: run.once(_scrape).gzip),
    Figure(
        "board",
        "CPU of the data of the page, 1,000 queues; against 1,000 events of the used mix",
        "ms",
        lambda _: board.cost(),
        # µs of an event are ms of a thousand.
        _cpu(drain.ours),
        Target("≤", 1),
    ),
    Figure(
        "viewers",
        "CPU of 50 viewers of the page, 1,000 queues; against 1,000 events/s",
        "% of a core",
        lambda run: run.once(viewers.measure).viewers,
        lambda run: run.once(viewers.measure).events,
        Target("≤", 1),
    ),
    Figure(
        "memory",
        "resident with 100,000 endpoints and their detail series",
        "MB",
        lambda run: run.once(_memory).held,
        target=Target("≤", 300, is_ratio=False),
    ),
    Figure(
        "p50",
        "publish to visible at 1,000 events/s, p50",
        "ms",
        lambda run: run.once(latency.measure).p50,
        target=Target("≤", 20, is_ratio=False),
    ),
    Figure(
        "p99",
        "publish to visible at 1,000 events/s, p99",
        "ms",
        lambda run: run.once(latency.measure).p99,
        target=Target("≤", 100, is_ratio=False),
    ),
    Figure(
        "idle",
        "CPU with the bus silent",
        "% of a core",
        lambda run: run.once(latency.measure).idle,
        target=Target("≤", 1, is_ratio=False),
    ),
    Figure(
        "busy",
        "CPU at 1,000 events/s",
        "% of a core",
        lambda run: run.once(latency.measure).busy,
    ),
    Figure(
        "p99-api",
        "p99 while APIs send 16 MiB, trickle and are silent, each second; against without APIs",
        "ms",
        lambda run: run.once(latency.with_apis).p99,
        lambda run: run.once(latency.measure).p99,
        Target("≤", 10),
    ),
    Figure(
        "scrape-api",
        "the same of a scrape",
        "ms",
        lambda run: run.once(latency.with_apis).scrape,
        lambda run: run.once(latency.measure).scrape,
        Target("≤", 10),
    ),
    Figure(
        "idle-api",
        "CPU with the bus silent, and with APIs",
        "% of a core",
        lambda run: run.once(latency.with_apis).idle,
        target=Target("≤", 1, is_ratio=False),
    ),
)
