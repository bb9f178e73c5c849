"""What a scrape of 100,000 series costs, next to prometheus_client's own rendering of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from statistics import median
from typing import NamedTuple

from prometheus_client.exposition import generate_latest

from dataflows.metric import Kind, MetricSpec
from exporter.exposition.families import Families, family
from exporter.exposition.render import FORMATS, Exposition
from exporter.exposition.store import SeriesStore
from exporter.web.board import ServerBoard
from exporter.web.routes import Exposition as Response
from exporter.web.views import BusView, KnownView

_SPECS = tuple(
    MetricSpec(name, kind, "A metric of the benchmark.", ("origin_uuid", "queue", "member"))
    for name, kind in (("xivo_bench_things", Kind.GAUGE), ("xivo_bench_total", Kind.COUNTER))
)
_ORIGIN = "ca7f87e9-c2c8-5fad-ba1b-c3140ebb9be3"


class Figures(NamedTuple):
    """Milliseconds of CPU that a scrape takes, medians: the time, where no one else computes.

    Attributes:
        text: A tenth of the series changed since the last one.
        all_changed: The same when all of them did.
        gzip: The text, compressed.
        two: The text, for two scrapers at once, together.
        reference: prometheus_client's `generate_latest`, over families that are there.
    """

    text: float
    all_changed: float
    gzip: float
    two: float
    reference: float


class _Pages:
    formats = FORMATS

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def metrics(self, content_type: str) -> Iterable[bytes]:
        return self._exposition.render(content_type)

    def not_ready(self) -> None:
        return None

    def buses(self) -> Sequence[BusView]:
        return ()

    def knowledge(self) -> Sequence[KnownView]:
        return ()

    def board(self) -> Sequence[ServerBoard]:
        return ()


def measure(series: int = 100_000, runs: int = 7) -> Figures:
    """Render a store; one value in five is no whole number."""
    random = Random(1)  # noqa: S311 -- no secret
    each = series // len(_SPECS)
    labels = [(_ORIGIN, f"queue {i % 100}", f"SIP/{i}") for i in range(each)]
    store = SeriesStore(_SPECS)

    def change(share: float) -> None:
        for spec in _SPECS:
            for chosen in random.sample(labels, int(each * share)):
                value = random.randrange(500) if random.random() < 0.8 else random.random()
                store.apply(((spec.name, chosen, value),))

    pages = _Pages(Exposition(store, _SPECS, [], lambda: False, float))
    text, gzip = partial(Response, pages), partial(Response, pages, accept_encoding="gzip")

    def scrape(response: Callable[[], Response], share: float, scrapers: int = 1) -> float:
        def at_once() -> None:
            list(pool.map(lambda _: response(), range(scrapers)))

        with ThreadPoolExecutor(scrapers) as pool:
            return _median(at_once, runs, before=lambda: change(share))

    change(1)
    shown = store.view().series
    families = Families(family(spec, shown[spec.name].items()) for spec in _SPECS)
    return Figures(
        text=scrape(text, 0.1),
        all_changed=scrape(text, 1),
        gzip=scrape(gzip, 0.1),
        two=scrape(text, 0.1, scrapers=2),
        reference=_median(lambda: generate_latest(families), runs),
    )


def _median(
    what: Callable[[], object], runs: int, before: Callable[[], object] = lambda: None
) -> float:
    took = []
    for _ in range(runs):
        before()
        begin = time.process_time()
        what()
        took.append((time.process_time() - begin) * 1e3)
    return median(took)


if __name__ == "__main__":
    print(measure())
