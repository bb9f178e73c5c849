"""What the pages cost, and the memory of all that they show."""

from __future__ import annotations

from tests.bench import board, drain, memory, scrape, viewers
from tests.bench.figure import Figure, Target
from tests.bench.round import Round


def _scrape(run: Round) -> scrape.Figures:
    del run
    return scrape.measure()


FIGURES = (
    Figure(
        "scrape",
        "CPU of a scrape of 100,000 series, against prometheus_client's",
        "ms",
        lambda run: run.once(_scrape).text,
        lambda run: run.once(_scrape).reference,
        Target("≤", 45, is_ratio=False),
    ),
    Figure("gzip", "the same in gzip", "ms", lambda run: run.once(_scrape).gzip),
    Figure(
        "board",
        "CPU of the data of the page, 1,000 queues; against 1,000 events of the used mix",
        "ms",
        lambda _: board.cost(),
        # µs of an event are ms of a thousand.
        drain.cpu_of(drain.ours),
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
        lambda _: memory.measure(memory.ENDPOINTS).held,
        target=Target("≤", 150, is_ratio=False),
        # It is always the same.
        repeats=True,
    ),
    Figure(
        "memory-lines",
        "the same with 100,000 lines of a Wazo",
        "MB",
        lambda _: memory.measure(memory.LINES).held,
        target=Target("≤", 150, is_ratio=False),
        # It is always the same.
        repeats=True,
    ),
)
