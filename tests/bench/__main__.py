"""`make bench`: the figures of speed, in one table.

All are measured against the same private broker, reference and exporter in turn,
several times over; the table shows medians. A ratio means something on any machine;
the other values mean something on this one.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.bench import traffic
from tests.bench.figure import Figure, Measured, table
from tests.bench.figures import FIGURES
from tests.bench.round import Round
from tests.servers import Broker


def main() -> None:
    """Measure and print."""
    options = _options()
    figures = [each for each in FIGURES if not options.only or each.key in options.only]
    used, firehose = traffic.used(options.events), traffic.firehose(options.events)
    wazo = traffic.wazo(options.events)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.runs} runs")
    print(f"used: {traffic.describe(used)}")
    print(f"with `--bind-all`: {traffic.describe(firehose)}")
    print(f"of Wazos: {traffic.describe(wazo)}\n")
    measured: dict[Figure, list[Measured]] = {figure: [] for figure in figures}
    with Broker() as broker, tempfile.TemporaryDirectory() as folder:
        for number in range(options.runs):
            run = Round(broker, Path(folder), used, firehose, wazo)
            for figure in figures:
                print(f"run {number + 1}: {figure.key}", end="   \r", file=sys.stderr, flush=True)
                measured[figure].append(figure.measure(run))
    print(table([figure.row(runs) for figure, runs in measured.items()]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="how often (default: 5)")
    parser.add_argument(
        "--events", type=int, default=100_000, help="in an inbox that is drained (default: 100000)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=[figure.key for figure in FIGURES], help="these figures"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
