"""`make soak`: everything at once for a long time, and whether the exporter keeps its promises.

Two servers publish: one of which entities come and go, at the rate that is given, and a simulated
Wazo of today. The exporter asks the APIs of both every minute, 20 browsers show its live page, and
Prometheus scrapes it, all by TLS. It ends with 1 if a promise was broken, and names each.

The limit of the rate is the publisher if it falls behind its schedule, or the exporter if an inbox
grows.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from exporter.clock import wall_clock
from tests.chaos.churn import Churn
from tests.chaos.publisher import Publisher
from tests.chaos.soak_apis import Server, telling
from tests.chaos.soak_exporter import INSTANCE, SecureExporter
from tests.chaos.soak_picture import soak_picture
from tests.chaos.soak_sample import Sample
from tests.chaos.soak_servers import CallCentreOfToday
from tests.chaos.soak_verdict import broken, summary
from tests.chaos.soak_viewers import VIEWERS, Viewers
from tests.dashboards.prometheus import Prometheus
from tests.integration.bus import own
from tests.integration.snapshots import STATES
from tests.program import Series
from tests.servers import Broker
from tests.support import eventually

_MAX = "max"
_FLAT_OUT = 1_000_000
"""Messages a second that no publisher reaches."""

_FLAT_OUT_SECONDS = 20
_KEPT_UP = 0.8
"""Of the rate flat out: so it keeps up also while the exporter is scraped."""

_API_SECONDS = 60
_SCRAPES = {"scrape_interval": "15s", "scrape_timeout": "10s"}

_BUSES = {"churn": ("xivo", "topic"), "calls": ("wazo-headers", "headers")}
"""The exchange of each bus, and its type."""


def main() -> int:
    """Soak the exporter; write what was seen as a table and a picture."""
    parser = argparse.ArgumentParser("make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long (default: 60)")
    parser.add_argument(
        "--rate",
        type=_rate,
        default=2000,
        help="events a second (default: 2000); max: the most with which the publisher keeps up",
    )
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--out", type=Path, default=Path("soak"), help="where, without suffix")
    given = parser.parse_args()
    samples = []
    with (
        Broker() as broker,
        tempfile.TemporaryDirectory() as directory,
        given.out.with_suffix(".csv").open("w") as file,
    ):
        table = csv.writer(file)
        table.writerow(Sample._fields)
        with _Soak(broker, Path(directory)) as soak:
            rate = given.rate or soak.highest_rate()
            for sample in soak.run(rate, given.minutes * 60, given.every):
                samples.append(sample)
                table.writerow(sample)
                file.flush()
    given.out.with_suffix(".svg").write_text(soak_picture(samples))
    print(summary(samples, rate))
    faults = broken(samples)
    for fault in faults:
        print(f"broken: {fault}")
    return bool(faults)


def _rate(text: str) -> int | None:
    return None if text == _MAX else int(text)


class _Soak:
    """All that takes part, until the end of its context."""

    def __init__(self, broker: Broker, folder: Path) -> None:
        self._broker = broker
        self._folder = folder
        self._churn = Churn(seed=1)
        self._stack = ExitStack()
        self._cpu = (0.0, 0.0)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            calls = CallCentreOfToday(seed=1)
            servers: tuple[Server, ...] = (self._churn, calls)
            buses: list[Mapping[str, object]] = []
            for (name, (exchange, kind)), server in zip(_BUSES.items(), servers, strict=True):
                self._broker.declare_exchange(exchange, kind)
                api = stack.enter_context(telling(server, self._folder))
                bus = {"name": name, "url": self._broker.url(), "exchange": exchange}
                buses.append({**bus, **api, "api_interval": _API_SECONDS, "timezone": "UTC"})
            self._exporter = stack.enter_context(SecureExporter(self._folder, buses))
            eventually(self._is_connected, what="the exporter reads both buses")
            stack.enter_context(calls.publishing(self._broker, _BUSES["calls"][0]))
            self._viewers = stack.enter_context(Viewers(self._exporter))
            eventually(lambda: self._viewers.watching == VIEWERS, what="all browsers are served")
            self._prometheus = stack.enter_context(self._scraping())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def highest_rate(self) -> int:
        """Return the rate with which the publisher keeps up, while its messages are read."""
        with Publisher(self._broker, self._churn, _FLAT_OUT) as publisher:
            began = time.monotonic()
            time.sleep(_FLAT_OUT_SECONDS)
            rate = publisher.published / (time.monotonic() - began)
        return round(rate * _KEPT_UP)

    def run(self, rate: int, seconds: float, every: float) -> Iterator[Sample]:
        """Publish, and look at all of it again and again."""
        with Publisher(self._broker, self._churn, rate) as publisher:
            began = time.monotonic()
            self._cpu = began, self._exporter.cpu_seconds()
            while (passed := time.monotonic() - began) < seconds:
                yield self._look(publisher, passed)
                time.sleep(every)

    def _is_connected(self) -> bool:
        samples = self._exporter.samples()
        return all(own(samples, "bus_connected", bus) for bus in _BUSES)

    def _scraping(self) -> Prometheus:
        folder = self._folder / "prometheus"
        folder.mkdir()
        jobs = {"xivo": [self._exporter.address[1]]}
        return Prometheus(folder, jobs, further={"xivo": {**self._exporter.client, **_SCRAPES}})

    def _look(self, publisher: Publisher, passed: float) -> Sample:
        exporter = self._exporter
        published, descriptors, threads = (
            publisher.published,
            exporter.descriptors(),
            exporter.threads(),
        )
        samples = exporter.samples()
        known = self._broker.queues()
        inboxes = [known[f"xivo-exporter.{INSTANCE}.{bus}"] for bus in _BUSES]
        answered, failed = _snapshots(samples)
        return Sample(
            seconds=round(passed, 1),
            memory=int(samples["process_resident_memory_bytes", frozenset()]),
            store=sum(f.stat().st_size for f in exporter.state.rglob("*") if f.is_file()),
            descriptors=descriptors,
            threads=threads,
            cpu=round(self._cpu_percent(), 2),
            processed=sum(int(own(samples, "deliveries_total", bus)) for bus in _BUSES),
            published=published,
            ready=sum(inbox["messages_ready"] for inbox in inboxes),
            unacknowledged=sum(inbox["messages_unacknowledged"] for inbox in inboxes),
            gaps=sum(int(own(samples, "bus_gaps_total", bus)) for bus in _BUSES),
            snapshots=answered,
            unanswered=failed,
            unasked=_unasked(samples),
            incomplete=len(STATES) * len(_BUSES) - _complete(samples),
            drift=_sum(samples, "xivo_state_drift_total"),
            viewers=self._viewers.watching,
            unscraped=self._unscraped(),
        )

    def _cpu_percent(self) -> float:
        (began, before), now = self._cpu, (time.monotonic(), self._exporter.cpu_seconds())
        self._cpu = now
        return 100 * (now[1] - before) / max(now[0] - began, 1e-3)

    def _unscraped(self) -> int:
        """Return how many scrapes have failed so far."""
        failed = self._prometheus.query("sum(count_over_time(up[1d]) - sum_over_time(up[1d]))")
        return int(failed[0].value)


def _sum(samples: Mapping[Series, float], name: str) -> int:
    return int(sum(value for (each, _), value in samples.items() if each == name))


def _snapshots(samples: Mapping[Series, float]) -> tuple[int, int]:
    """Return how many requests to APIs were answered, and how many were not."""
    name = "xivo_exporter_snapshots_total"
    answered = sum(
        value
        for (each, labels), value in samples.items()
        if each == name and ("outcome", "ok") in labels
    )
    return int(answered), _sum(samples, name) - int(answered)


def _unasked(samples: Mapping[Series, float]) -> int:
    """Return for how many seconds an API has told nothing: that of which it is the longest."""
    name = "xivo_exporter_snapshot_last_success_timestamp_seconds"
    return int(wall_clock() - min(value for (each, _), value in samples.items() if each == name))


def _complete(samples: Mapping[Series, float]) -> int:
    """Return how many states are complete of those that APIs make complete."""
    return sum(
        value == 1 and dict(labels)["subsystem"] in STATES
        for (name, labels), value in samples.items()
        if name == "xivo_state_known"
    )


if __name__ == "__main__":
    sys.exit(main())
