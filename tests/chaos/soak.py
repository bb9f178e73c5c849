"""`make soak`: many events for a long time, what memory and disk the exporter takes, and the limit.

The limit of the rate is the publisher if it falls behind its schedule, or the exporter if the inbox
grows.
"""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Self

from tests.chaos.churn import Churn
from tests.chaos.publisher import Publisher
from tests.chaos.soak_picture import Sample, soak_picture
from tests.integration.bus import connected, own
from tests.program import Exporter
from tests.servers import Broker

_WARM_UP = 1 / 4
"""Part of the time: until every length of window has closed, and every pool is full."""

_INBOX = "xivo-exporter.soak.default"

_MAX = "max"
_FLAT_OUT = 1_000_000
"""Messages a second that no publisher reaches."""

_FLAT_OUT_SECONDS = 20
_KEPT_UP = 0.8
"""Of the rate flat out: so it keeps up also while the exporter is scraped."""

_BEHIND = 0.02
"""Part of the schedule by which a publisher may be behind."""

_GROWING = 0.01
"""Part of the rate by which an inbox may grow."""


def main() -> int:
    """Soak the exporter; write what was seen as a table and a picture."""
    parser = argparse.ArgumentParser("make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: 30)")
    parser.add_argument(
        "--rate",
        type=_rate,
        default=5000,
        help="events a second (default: 5000); max: the most with which the publisher keeps up",
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
    print(_summary(samples))
    print(_limit(samples, rate))
    return 0


def _rate(text: str) -> int | None:
    return None if text == _MAX else int(text)


class _Soak:
    """A broker, and an exporter that reads it, until the end of its context."""

    def __init__(self, broker: Broker, directory: Path) -> None:
        self._broker = broker
        self._state = directory / "state"
        arguments = ("--bus-url", broker.url(), "--instance", "soak")
        self._exporter = Exporter(directory, *arguments, "--state-dir", str(self._state))
        self._traffic = Churn(seed=1)

    def __enter__(self) -> Self:
        self._broker.declare_exchange("xivo")
        connected(self._exporter.start())
        return self

    def __exit__(self, *_: object) -> None:
        self._exporter.close()

    def highest_rate(self) -> int:
        """Return the rate with which the publisher keeps up, while its messages are read."""
        with Publisher(self._broker, self._traffic, _FLAT_OUT) as publisher:
            began = time.monotonic()
            time.sleep(_FLAT_OUT_SECONDS)
            rate = publisher.published / (time.monotonic() - began)
        return round(rate * _KEPT_UP)

    def run(self, rate: int, seconds: float, every: float) -> Iterator[Sample]:
        """Publish, and look at all of it again and again."""
        with Publisher(self._broker, self._traffic, rate) as publisher:
            began = time.monotonic()
            while (passed := time.monotonic() - began) < seconds:
                yield self._look(publisher, passed)
                time.sleep(every)

    def _look(self, publisher: Publisher, passed: float) -> Sample:
        published, samples = publisher.published, self._exporter.samples()
        inbox = self._broker.queues()[_INBOX]
        return Sample(
            round(passed, 1),
            int(samples["process_resident_memory_bytes", frozenset()]),
            sum(file.stat().st_size for file in self._state.rglob("*") if file.is_file()),
            int(own(samples, "deliveries_total")),
            published,
            inbox["messages_ready"],
            inbox["messages_unacknowledged"],
            int(own(samples, "bus_gaps_total")),
        )


def _summary(samples: Sequence[Sample]) -> str:
    warm = _warm(samples)
    first, last = warm[0], warm[-1]
    rate = (last.processed - first.processed) / (last.seconds - first.seconds)
    slowest = min(
        (after.processed - before.processed) / (after.seconds - before.seconds)
        for before, after in pairwise(warm)
    )
    memory = [sample.memory / 1e6 for sample in warm]
    return (
        f"{last.processed - samples[0].processed} events in {last.seconds / 60:.0f} min, "
        f"{rate:.0f}/s (slowest {slowest:.0f}/s), {last.gaps} gaps; after a warm-up of "
        f"{first.seconds / 60:.0f} min: memory {min(memory):.1f} to {max(memory):.1f} MB "
        f"({(max(memory) / min(memory) - 1):.1%}), "
        f"store at most {max(sample.store for sample in warm) / 1e6:.1f} MB"
    )


def limits(samples: Sequence[Sample], rate: int) -> list[str]:
    """Say what kept the rate from being higher: the publisher, the exporter, both or neither."""
    warm = _warm(samples)
    third = max(1, len(warm) // 3)
    growth = mean(s.depth for s in warm[-third:]) - mean(s.depth for s in warm[:third])
    # Between the middles of the first and the last third.
    seconds = (warm[-1].seconds - warm[0].seconds) * 2 / 3
    found = []
    if _published(warm) < rate * (1 - _BEHIND):
        found.append("the publisher, which was behind its schedule")
    if growth > rate * _GROWING * seconds:
        found.append("the exporter, whose inbox grew")
    return found


def _limit(samples: Sequence[Sample], rate: int) -> str:
    found = " and ".join(limits(samples, rate)) or "neither the publisher nor the exporter"
    return (
        f"published {_published(_warm(samples)):.0f}/s of {rate}/s; inbox at most "
        f"{max(sample.depth for sample in samples)} messages, of which "
        f"{max(sample.ready for sample in samples)} ready; the limit: {found}"
    )


def _published(samples: Sequence[Sample]) -> float:
    """Return how many messages were published a second."""
    first, last = samples[0], samples[-1]
    return (last.published - first.published) / (last.seconds - first.seconds)


def _warm(samples: Sequence[Sample]) -> Sequence[Sample]:
    return [sample for sample in samples if sample.seconds >= samples[-1].seconds * _WARM_UP]


if __name__ == "__main__":
    sys.exit(main())
