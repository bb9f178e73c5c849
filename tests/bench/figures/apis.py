"""What the APIs cost: their answers, and an exporter while they are bad."""

from __future__ import annotations

from tests.bench import latency, merging
from tests.bench.figure import Figure, Target

FIGURES = (
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
        "CPU with the bus silent, and with APIs that are asked every 30 s",
        "% of a core",
        lambda run: run.once(latency.with_apis).idle,
        target=Target("≤", 1, is_ratio=False),
    ),
)
