"""How long it takes until all is ready or visible, and the CPU meanwhile."""

from __future__ import annotations

from tests.bench import latency, start
from tests.bench.figure import Figure, Target

FIGURES = (
    Figure("start", "start to ready", "s", start.empty, target=Target("≤", 2, is_ratio=False)),
    Figure(
        "resume",
        "start to ready, and to all that was known of 100,000 entities",
        "s",
        start.kept,
        target=Target("≤", 5, is_ratio=False),
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
        target=Target("≤", 50, is_ratio=False),
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
        latency.busy,
    ),
)
