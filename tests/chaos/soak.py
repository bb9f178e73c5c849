"""`make soak`: many events for a long time, and what memory and disk the exporter takes."""

import argparse
import csv
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from tests.chaos.churn import Churn
from tests.chaos.publisher import Publisher
from tests.chaos.soak_picture import Sample, soak_picture
from tests.integration.bus import connected, own
from tests.program import Exporter
from tests.servers import Broker

_WARM_UP = 1 / 4
"""Part of the time: until every length of window has closed, and every pool is full."""


def main() -> int:
    """Soak the exporter; write what was seen as a table and a picture."""
    parser = argparse.ArgumentParser("make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long (default: 30)")
    parser.add_argument("--rate", type=int, default=5000, help="events a second (default: 5000)")
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
        for sample in _soak(broker, Path(directory), given.rate, given.minutes * 60, given.every):
            samples.append(sample)
            table.writerow(sample)
            file.flush()
    given.out.with_suffix(".svg").write_text(soak_picture(samples))
    print(_summary(samples))
    return 0


def _soak(
    broker: Broker, directory: Path, rate: int, seconds: float, every: float
) -> Iterator[Sample]:
    broker.declare_exchange("xivo")
    state = directory / "state"
    arguments = ("--bus-url", broker.url(), "--instance", "soak", "--state-dir", str(state))
    with Exporter(directory, *arguments) as exporter:
        connected(exporter)
        with Publisher(broker, Churn(seed=1), rate):
            began = time.monotonic()
            while (passed := time.monotonic() - began) < seconds:
                yield _look(exporter, state, passed)
                time.sleep(every)


def _look(exporter: Exporter, state: Path, passed: float) -> Sample:
    samples = exporter.samples()
    return Sample(
        round(passed, 1),
        int(samples["process_resident_memory_bytes", frozenset()]),
        sum(file.stat().st_size for file in state.rglob("*") if file.is_file()),
        int(own(samples, "deliveries_total")),
    )


def _summary(samples: Sequence[Sample]) -> str:
    warm = [sample for sample in samples if sample.seconds >= samples[-1].seconds * _WARM_UP]
    first, last = warm[0], warm[-1]
    rate = (last.processed - first.processed) / (last.seconds - first.seconds)
    slowest = min(
        (after.processed - before.processed) / (after.seconds - before.seconds)
        for before, after in pairwise(warm)
    )
    memory = [sample.memory / 1e6 for sample in warm]
    return (
        f"{last.processed} events in {last.seconds / 60:.0f} min, {rate:.0f}/s "
        f"(slowest {slowest:.0f}/s); after a warm-up of {first.seconds / 60:.0f} min: memory "
        f"{min(memory):.1f} to {max(memory):.1f} MB ({(max(memory) / min(memory) - 1):.1%}), "
        f"store at most {max(sample.store for sample in warm) / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
